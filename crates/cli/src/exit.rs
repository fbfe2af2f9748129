//! Converts errors to one sentence and an exit code.

use std::io::ErrorKind;
use std::process::ExitCode;

use vitrine_checkpoint::CheckpointError;
use vitrine_engine::EngineError;
use vitrine_hub::{HubError, HubErrorKind};
use vitrine_inspect::InspectError;
use vitrine_protocol::FailureKind;
use vitrine_text::TextError;

/// An argument that does not fit this model, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongArgument(pub String);

/// Prints the error and returns its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
    {
        // The reading process closed the pipe.
        return ExitCode::SUCCESS;
    }
    let style = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{style}error:{style:#} {error:#}");
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(engine) = cause.downcast_ref::<EngineError>() {
            return match engine.failure().kind {
                FailureKind::Request => 2,
                FailureKind::Model | FailureKind::Storage => 3,
                FailureKind::NoWebGpu
                | FailureKind::NoAdapter
                | FailureKind::OutOfMemory
                | FailureKind::DeviceLost => 4,
                FailureKind::Network => 5,
                FailureKind::Internal => 1,
            };
        }
        let checkpoint = match cause.downcast_ref::<InspectError>() {
            Some(InspectError::Checkpoint(error)) => Some(error),
            Some(InspectError::Text(_)) => return 3,
            None => cause.downcast_ref::<CheckpointError>(),
        };
        match checkpoint {
            Some(CheckpointError::KvDtype { .. }) => return 2,
            Some(_) => return 3,
            None => {}
        }
        if cause.is::<WrongArgument>() {
            return 2;
        }
        if cause.is::<vitrine_gpu::GpuError>() {
            return 4;
        }
        if let Some(hub) = cause.downcast_ref::<HubError>() {
            return match hub.kind() {
                HubErrorKind::Request => 2,
                HubErrorKind::Model => 3,
                HubErrorKind::Network => 5,
            };
        }
        if cause.is::<std::io::Error>() || cause.is::<TextError>() {
            return 3;
        }
    }
    1
}
