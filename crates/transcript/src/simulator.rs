//! Transcripts that tests watch and program, as the simulators of zero-knowledge proofs and the attacks on Fiat-Shamir do.
//!
//! [`staged`] runs the shipped code, prover or verifier, and decides what its transcripts answer. A proof under programmed
//! challenges convinces nobody; no release build has this module.
//!
//! A stage is a thread's own, and so is what else tests change for a thread. A thread of rayon that waits for a part of its work may
//! begin the work of somebody else, who would then stand on this stage: work on stages is shared among threads by [`on_threads`] instead.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// A frame that entered a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The start of a transcript: protocol and statement digest.
    Start {
        /// Name and version.
        protocol: String,
        /// The digest.
        statement: [u8; 32],
    },
    /// Public or sent bytes.
    Absorbed {
        /// Which.
        label: String,
        /// The bytes.
        data: Vec<u8>,
    },
    /// A challenge.
    Drawn {
        /// Which.
        label: String,
        /// What was drawn, programmed or not.
        bytes: [u8; 64],
    },
}

/// What happens to the transcripts of a thread.
#[derive(Default)]
struct Stage {
    script: VecDeque<[u8; 64]>,
    frames: Vec<Frame>,
}

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

/// The results of a job for each of the items, in order. As many threads as the machine has each run a part of the jobs, one after the
/// other and nothing else meanwhile.
///
/// # Panics
/// If a job does.
pub fn on_threads<T: Sync, R: Send>(items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let size = items.len().div_ceil(available_parallelism().map_or(1, usize::from)).max(1);
    scope(|scope| {
        let run = |part: &[T]| part.iter().map(&job).collect::<Vec<R>>();
        let threads: Vec<_> = items.chunks(size).map(|part| scope.spawn(move || run(part))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// Runs `work`; the first challenges that transcripts of this thread draw meanwhile are those of `script`, whatever was
/// absorbed, and those after them are live. Returns also all frames, in order.
pub fn staged<T>(script: impl IntoIterator<Item = [u8; 64]>, work: impl FnOnce() -> T) -> (T, Vec<Frame>) {
    let stage = Stage { script: script.into_iter().collect(), frames: Vec::new() };
    let outer = STAGE.replace(Some(stage));
    let result = work();
    let stage = STAGE.replace(outer);
    (result, stage.map(|stage| stage.frames).unwrap_or_default())
}

/// The next programmed challenge.
pub(crate) fn programmed() -> Option<[u8; 64]> {
    STAGE.with_borrow_mut(|stage| stage.as_mut()?.script.pop_front())
}

/// Writes a frame down, if somebody watches.
pub(crate) fn note(frame: impl FnOnce() -> Frame) {
    STAGE.with_borrow_mut(|stage| {
        if let Some(stage) = stage {
            stage.frames.push(frame());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Transcript;

    fn work() -> [[u8; 64]; 2] {
        let mut transcript = Transcript::new("test", &[7; 32]);
        transcript.absorb("a", b"bc");
        ["c", "d"].map(|label| transcript.challenge_bytes(label))
    }

    #[test]
    fn a_watched_transcript_answers_as_any_other() {
        let (drawn, frames) = staged([], work);
        assert_eq!(drawn, work());
        let [c, d] = drawn;
        let expected = [
            Frame::Start { protocol: "test".into(), statement: [7; 32] },
            Frame::Absorbed { label: "a".into(), data: b"bc".to_vec() },
            Frame::Drawn { label: "c".into(), bytes: c },
            Frame::Drawn { label: "d".into(), bytes: d },
        ];
        assert_eq!(frames, expected);
    }

    #[test]
    fn a_programmed_transcript_follows_its_script_and_then_lives() {
        let ([c, d], _) = staged([[5; 64]], work);
        assert_eq!(c, [5; 64]);
        assert!(d != [5; 64] && d != work()[1], "one challenge fewer went in before");
        assert_eq!(staged([[5; 64]], || staged([], work).0).0, work(), "the inner stage counts");
    }

    #[test]
    fn threads_have_stages_of_their_own() {
        let scripts: Vec<u8> = (0..100).collect();
        let first = |byte: &u8| staged([[*byte; 64]], work).0[0];
        assert!(staged([], || on_threads(&scripts, first)).1.is_empty());
        assert!(on_threads(&scripts, first).into_iter().eq(scripts.iter().map(|byte| [*byte; 64])));
        assert_eq!(on_threads(&[], first), [[0; 64]; 0]);
        assert!(std::panic::catch_unwind(|| on_threads(&scripts, |byte| assert!(*byte < 99))).is_err());
    }
}
