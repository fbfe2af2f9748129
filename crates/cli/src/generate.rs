//! `vitrine generate`.

mod batch;

use std::io::{self, Write};

use serde::Serialize;
use vitrine_engine::{Observer, adapter_summary};
use vitrine_protocol::{
    FinishReason, GenerateRequest, GenerateSummary, Intervention, PacketParts, SamplingParams,
    TokenPiece, TokenStep,
};

use crate::ablate::Named;
use crate::args::GenerateArgs;
use crate::args::sampling::show_not_followed;
use crate::load::{self, Loaded};
use crate::packets::{self, TraceFile};

/// The object that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    model: String,
    adapter: String,
    prompt_ids: &'a [u32],
    ids: &'a [u32],
    text: Option<&'a str>,
    finish_reason: FinishReason,
    sampling: &'a SamplingParams,
    /// Settings of the model's files.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_followed: &'a [String],
    prefill_tokens_per_s: f64,
    decode_tokens_per_s: Option<f64>,
    time_to_first_token_s: f64,
    load_s: f64,
}

pub async fn run(args: GenerateArgs) -> anyhow::Result<()> {
    let settings = &args.sampling;
    settings.check("--sample", args.sample, settings.only_for_draws());
    if let Some(prompts) = batch::prompts(&args)? {
        return batch::run(&args, prompts).await;
    }
    let mut loaded = load::load(&args.model).await?;
    let defaults = loaded.engine.sampling_defaults().clone();
    let sampling = args.sampling_params(&defaults);
    let not_followed = args.not_followed(&defaults);
    show_not_followed(not_followed);
    let parts = parts(&args, &loaded);
    let request = GenerateRequest {
        max_new_tokens: args.max_new_tokens,
        top: top(&args),
        kv_cache: !args.no_kv_cache,
        packet: parts,
        interventions: interventions(&args, &loaded),
        sampling,
        prompt: args.prompt.into_prompt(),
    };
    let mut teller = Teller {
        text: (!args.json).then(Printer::default),
        trace: match &args.packets {
            Some(path) => Some(TraceFile::create(&loaded.engine, parts, path)?),
            None => None,
        },
    };
    let adapter = adapter_summary(loaded.engine.gpu()).name;
    let summary = loaded.engine.generate(&request, &mut teller).await?;
    let Teller { text, trace } = teller;
    let written = trace.map(|trace| trace.finish(&summary)).transpose()?;
    if args.json {
        let report = Report {
            model: loaded.name.clone(),
            adapter,
            prompt_ids: &summary.prompt_ids,
            ids: &summary.ids,
            text: summary.text.as_deref(),
            finish_reason: summary.finish_reason,
            sampling: &request.sampling,
            not_followed,
            prefill_tokens_per_s: summary.prefill_tokens_per_s,
            decode_tokens_per_s: summary.decode_tokens_per_s,
            time_to_first_token_s: summary.time_to_first_token_s,
            load_s: loaded.load_s,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(());
    }
    text.map_or(Ok(()), |printer| printer.finish(&summary))?;
    args.sampling.show_seed(&request.sampling);
    let dim = anstyle::Style::new().dimmed();
    anstream::eprintln!("{dim}{}{dim:#}", timings(&adapter, &summary));
    if let Some(written) = written {
        anstream::eprintln!("{dim}{written}{dim:#}");
    }
    Ok(())
}

/// The interventions.
fn interventions(args: &GenerateArgs, loaded: &Loaded) -> Vec<Intervention> {
    let named = Named {
        heads: &args.change.ablate,
        mean: args.change.ablate_mean,
        skip_attention: &args.change.skip_attention,
        skip_mlp: &args.change.skip_mlp,
    };
    named.interventions(loaded)
}

/// The packet parts of each token.
fn parts(args: &GenerateArgs, loaded: &Loaded) -> PacketParts {
    match args.packets {
        Some(_) => packets::parts(&args.packet, &loaded.engine),
        None => PacketParts::NONE,
    }
}

/// Candidates of each token.
fn top(args: &GenerateArgs) -> u32 {
    args.packets.as_ref().map_or(0, |_| packets::TOP)
}

/// Prints a generation and writes its recording file, as requested.
struct Teller {
    text: Option<Printer>,
    trace: Option<TraceFile>,
}

impl Observer for Teller {
    fn prompt(&mut self, _sequence: usize, tokens: &[TokenPiece]) {
        if let Some(trace) = &mut self.trace {
            trace.prompt(0, tokens);
        }
    }

    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        if let Some(printer) = &mut self.text {
            printer.token(0, step);
        }
        if let Some(trace) = &mut self.trace {
            trace.token(0, step);
        }
    }

    fn stop_requested(&mut self) -> bool {
        let printer = self.text.as_ref();
        let unprinted = printer.is_some_and(|printer| printer.failure.is_some());
        unprinted || self.trace.as_mut().is_some_and(Observer::stop_requested)
    }
}

/// One line: adapter, prefill and decode speed, time to first token.
fn timings(adapter: &str, summary: &GenerateSummary) -> String {
    let decode = match summary.decode_tokens_per_s {
        Some(speed) => format!("decode {speed:.2} tok/s"),
        None => "decode not measured (needs two tokens)".to_owned(),
    };
    format!(
        "{adapter} · prefill {:.2} tok/s ({} tokens) · {decode} ({} tokens) · first token after {:.3} s",
        summary.prefill_tokens_per_s,
        summary.prompt_ids.len(),
        summary.ids.len(),
        summary.time_to_first_token_s,
    )
}

/// Writes text as it is generated.
#[derive(Default)]
struct Printer {
    printed: usize,
    failure: Option<io::Error>,
}

impl Printer {
    fn print(&mut self, text: &str) {
        let mut out = io::stdout();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            self.failure.get_or_insert(error);
        }
        self.printed += text.len();
    }

    /// Writes the incomplete character and the end of the line.
    fn finish(mut self, summary: &GenerateSummary) -> io::Result<()> {
        let rest = summary
            .text
            .as_deref()
            .and_then(|text| text.get(self.printed..));
        let rest = rest.unwrap_or_default().to_owned();
        self.print(&rest);
        self.print("\n");
        self.failure.map_or(Ok(()), Err)
    }
}

impl Printer {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        match step.piece.token {
            Some(_) => self.print(&step.text),
            // Without a tokenizer only the ids can be printed.
            None => self.print(&format!("{} ", step.piece.id)),
        }
    }
}
