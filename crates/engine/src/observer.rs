use vitrine_protocol::{
    AnswerPart, GenerateSummary, Intervention, SamplingParams, TokenPiece, TokenStep,
};

use crate::EngineError;

/// Receives the events of running work, and steers it. Every method has a default that ignores the event.
///
/// Sequences are numbered from 0 in the order of the request; a single generation is sequence 0.
pub trait Observer {
    /// A sequence begins: the tokens of its prompt.
    fn prompt(&mut self, _sequence: usize, _tokens: &[TokenPiece]) {}
    /// A new token of a sequence.
    fn token(&mut self, _sequence: usize, _step: &TokenStep) {}
    /// A sequence has ended.
    fn finished(&mut self, _sequence: usize, _summary: &GenerateSummary) {}
    /// `done` of `total` steps of an answer are finished.
    fn progress(&mut self, _done: u64, _total: u64) {}
    /// A part of an answer is known.
    fn part(&mut self, _part: AnswerPart) {}
    /// Called after each step: whether to stop.
    fn stop_requested(&mut self) -> bool {
        false
    }
    /// Called after each step of a generation: new interventions for all running sequences, if they changed. Means of
    /// heads are taken over the prompt of the first one.
    fn new_interventions(&mut self) -> Option<Vec<Intervention>> {
        None
    }
    /// Called after each step of a generation: new sampling parameters for all running sequences, if they changed. A
    /// step that is already submitted keeps the old ones.
    fn new_sampling(&mut self) -> Option<SamplingParams> {
        None
    }
}

/// Ignores everything.
impl Observer for () {}

impl dyn Observer + '_ {
    /// Reports a finished step; an error if the observer stops.
    pub(crate) fn step(&mut self, done: u64, total: u64) -> Result<(), EngineError> {
        self.progress(done, total);
        self.go_on()
    }

    /// Reports the next measurement; an error if the observer stops.
    pub(crate) fn measuring(&mut self, what: &str) -> Result<(), EngineError> {
        self.go_on()?;
        let what = what.to_owned();
        self.part(AnswerPart::Measuring { what });
        Ok(())
    }

    pub(crate) fn go_on(&mut self) -> Result<(), EngineError> {
        match self.stop_requested() {
            true => Err(EngineError::Stopped),
            false => Ok(()),
        }
    }
}
