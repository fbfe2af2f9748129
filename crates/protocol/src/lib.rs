//! Typed messages between engine, worker, page and command line, sent as JSON.
//!
//! They contain no GPU types, so the page can be built without the engine.

mod answer;
mod arrival;
mod batch;
mod bench;
mod command;
mod compare;
mod event;
mod failure;
mod generate;
mod hub_id;
mod inside;
mod inspect;
mod lens;
mod model;
mod next;
mod packet;
mod question;
mod race;
mod tensor;
mod timing;
mod token;
mod trace;
mod tune;

pub use answer::{
    Answer, AnswerPart, LayerAttention, RopeTurns, ThumbnailsReport, TokenEntry, TokenizeReport,
    TraceReport,
};
pub use arrival::{Arrived, TensorPlace};
pub use batch::{BatchRequest, BatchSummary, ForkRequest};
pub use bench::{BatchRate, BenchReport, BenchRequest, PacketRate, Rate, Speed};
pub use command::Command;
pub use compare::{CompareFormat, CompareReport, CompareRequest, FormatPosition, FormatRow};
pub use event::{Event, LoadPhase, Progress, Shards};
pub use failure::{Failure, FailureKind};
pub use generate::{FinishReason, GenerateRequest, GenerateSummary, Prompt};
pub use hub_id::{HubId, is_relative_path};
pub use inside::{
    AblationReport, HeadEffect, HeadScore, HeadsReport, MovedToken, PatchReport, PatchRequest,
    SweepReport,
};
pub use inspect::{
    AttentionReport, FormatShare, KvCacheReport, ModelReport, ModuleNode, RopeReport,
    TokenizerReport,
};
pub use lens::{LensAnswer, LensCell, LensReport};
pub use model::{
    AdapterSummary, HubAccess, ModelSource, ModelSummary, SiteModel, StorageRoom, StoredModel,
};
pub use next::{FilterReport, FollowingToken, NamedToken, PositionReport, StepsReport, TokenSteps};
pub use packet::{
    HeadPacket, LogitPacket, NeuronPacket, PacketParts, ResidualPacket, TokenPacket, TraceLine,
};
pub use question::Question;
pub use race::{RaceLane, RaceReport, RaceStep};
pub use tensor::{Answered, Tensor, TensorData, TensorHeader, TensorType};
pub use timing::{KernelTime, PassProfile, StageTime};
pub use token::{Candidate, Distribution, Draw, TokenPiece, TokenStep};
pub use trace::{Intervention, PatchSite, TraceRequest};
pub use tune::{ProjectionTimes, TilingTime, TuneReport, TuneRequest};
pub use vitrine_sampling::{SamplingDefaults, SamplingParams};
