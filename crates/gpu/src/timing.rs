//! GPU times, from timestamp queries around passes.

use crate::buffer::{Buffer, Usage};
use crate::{Gpu, GpuError, Place};

/// Granularity of the timings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every dispatch separately. Dispatches cannot overlap then, so the total is longer.
    Kernels,
    /// Consecutive kernels of one stage and layer together: few enough for every token, and long enough for browsers,
    /// which round to 100 µs.
    Stages,
    /// As few passes as without a timer, for the total time.
    Passes,
}

/// Timestamp queries on the GPU. One set serves all submissions in turn.
pub struct Timer {
    set: wgpu::QuerySet,
    ticks: Buffer,
    seconds_per_tick: f64,
    detail: Detail,
}

/// The time of some consecutive commands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The label of the first command.
    pub place: Place,
    /// The kernel of the first command.
    pub kernel: &'static str,
    /// Number of dispatches.
    pub dispatches: u32,
    /// From the beginning of the first to the end of the last, in seconds.
    pub seconds: f64,
}

/// Spans of a submission whose times have not arrived yet.
pub struct PendingSpans {
    spans: Vec<Span>,
    seconds_per_tick: f64,
}

const TICK_BYTES: u64 = 8;
/// Maximum queries of a set.
const QUERIES: u32 = wgpu::QUERY_SET_MAX_QUERIES;

impl Timer {
    pub(crate) fn new(gpu: &Gpu, detail: Detail) -> Result<Option<Self>, GpuError> {
        if !gpu.caps().timestamps {
            return Ok(None);
        }
        let set = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timer"),
            ty: wgpu::QueryType::Timestamp,
            count: QUERIES,
        });
        let bytes = u64::from(QUERIES) * TICK_BYTES;
        Ok(Some(Self {
            set,
            ticks: gpu.buffer("ticks", bytes, Usage::Ticks)?,
            seconds_per_tick: f64::from(gpu.queue().get_timestamp_period()) * 1e-9,
            detail,
        }))
    }

    /// Its granularity.
    #[must_use]
    pub fn detail(&self) -> Detail {
        self.detail
    }

    pub(crate) fn spans(&self) -> Spans<'_> {
        Spans {
            timer: self,
            spans: Vec::new(),
        }
    }
}

/// The spans of a submission that is being encoded.
pub(crate) struct Spans<'a> {
    timer: &'a Timer,
    spans: Vec<Span>,
}

impl<'a> Spans<'a> {
    /// Begins a span and returns the timestamps that its pass writes, if queries are left.
    pub fn begin(
        &mut self,
        place: Place,
        kernel: &'static str,
    ) -> Option<wgpu::ComputePassTimestampWrites<'a>> {
        let query = 2 * self.spans.len() as u32;
        if query + 2 > QUERIES {
            return None;
        }
        self.spans.push(Span {
            place,
            kernel,
            dispatches: 1,
            seconds: 0.0,
        });
        Some(wgpu::ComputePassTimestampWrites {
            query_set: &self.timer.set,
            beginning_of_pass_write_index: Some(query),
            end_of_pass_write_index: Some(query + 1),
        })
    }

    /// Whether a dispatch belongs to the last span.
    pub fn joins(&mut self, place: Place) -> bool {
        let Some(last) = self.spans.last_mut() else {
            return true;
        };
        let alike = (last.place.stage, last.place.layer) == (place.stage, place.layer);
        let joins = match self.timer.detail {
            Detail::Kernels => false,
            Detail::Stages => alike,
            Detail::Passes => true,
        };
        last.dispatches += u32::from(joins);
        joins
    }

    /// Resolves the timestamps to a buffer; returns it, its size, and the spans.
    pub fn end(self, encoder: &mut wgpu::CommandEncoder) -> (&'a Buffer, u64, PendingSpans) {
        let Timer {
            set,
            ticks,
            seconds_per_tick,
            ..
        } = self.timer;
        let queries = 2 * self.spans.len() as u32;
        if queries > 0 {
            encoder.resolve_query_set(set, 0..queries, ticks.raw(), 0);
        }
        let pending = PendingSpans {
            spans: self.spans,
            seconds_per_tick: *seconds_per_tick,
        };
        (ticks, u64::from(queries) * TICK_BYTES, pending)
    }
}

impl PendingSpans {
    /// Bytes of its timestamps, which are at the end of the readback.
    #[must_use]
    pub fn bytes(&self) -> usize {
        2 * self.spans.len() * TICK_BYTES as usize
    }

    /// The spans with their times.
    #[must_use]
    pub fn spans(self, ticks: &[u8]) -> Vec<Span> {
        let (ticks, _) = ticks.as_chunks();
        let ticks: Vec<u64> = ticks.iter().map(|tick| u64::from_le_bytes(*tick)).collect();
        let mut spans = self.spans;
        for (span, ends) in spans.iter_mut().zip(ticks.chunks_exact(2)) {
            // Timestamps that went backwards are discarded.
            let elapsed = ends[1].saturating_sub(ends[0]);
            span.seconds = elapsed as f64 * self.seconds_per_tick;
        }
        spans
    }
}
