//! What the fuzz targets have in common.
//!
//! | module | what |
//! |---|---|
//! | [`fixture`] | real proofs of all kinds, made once a process |
//! | [`edit`] | edits of messages, from bytes of the fuzzer |
//! | [`files`] | decoders of the command: secret files, digests, `zkdl.toml` |
//! | [`memory`] | a bound on what is allocated |
//! | `support`, `command` | the tests' small run, and files of the command, read where they are |

pub mod edit;
pub mod files;
pub mod fixture;
pub mod memory;

mod command;
#[path = "../../crates/zkdl/tests/it/support.rs"]
mod support;

// The files of the command name each other from the root of their crate.
use command::{config, error, secret};

/// Everything runs on the thread of the fuzzer: it sees what it caused, and as many targets run at once as there are cores.
pub fn single_thread() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        pool.build_global().expect("the first to build a pool");
    });
}
