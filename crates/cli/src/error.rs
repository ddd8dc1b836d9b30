//! What ends the command early, and with which exit code.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Exit codes; 0 is done or valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 1: a proof is invalid, or a witness violates an equation.
    Invalid,
    /// 2: wrong usage, configuration or data.
    Usage,
    /// 3: input or output failed.
    Io,
}

/// Code of a run that SIGINT ended.
pub(crate) const INTERRUPTED: i32 = 130;

/// A message that says what to do next, and what caused it.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What every verb returns.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    /// Exit code 1.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { kind: Kind::Invalid, message: message.into(), source: None }
    }

    /// Exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), source: None }
    }

    /// Exit code 3.
    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self { kind: Kind::Io, message: message.into(), source: None }
    }

    /// Exit code 3: what could not be done with which file.
    pub(crate) fn file(verb: &str, path: &Path, source: std::io::Error) -> Self {
        Self::io(format!("cannot {verb} {}", path.display())).caused_by(source)
    }

    /// Adds the cause.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Invalid => 1,
            Kind::Usage => 2,
            Kind::Io => 3,
        })
    }

    /// Message and causes on one line.
    pub(crate) fn line(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
