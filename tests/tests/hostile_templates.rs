//! Malicious chat templates: each is refused in bounded time, memory and stack.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use vitrine_text::{ChatTemplate, Message, RenderChat, TextError};

/// Counts bytes that are in use, and the most that were at once.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: forwards to the system's allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(used, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A worker in the page has a stack of one megabyte.
const STACK: usize = 1 << 20;
const MEMORY: usize = 512 << 20;
const TIME: Duration = Duration::from_secs(60);

struct Outcome {
    result: Result<String, TextError>,
    peak: usize,
    time: Duration,
}

/// One at a time: all threads allocate from the same allocator.
static ALONE: Mutex<()> = Mutex::new(());

fn run(source: &str, content: &str) -> Outcome {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (source, content) = (source.to_owned(), content.to_owned());
    let before = USED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let render = move || {
        let template = ChatTemplate::new(&source, None, None)?;
        template.render(&[Message::new("user", content)], true)
    };
    let result = thread.spawn(render).unwrap().join().unwrap();
    Outcome {
        result,
        peak: PEAK.load(Ordering::Relaxed).saturating_sub(before),
        time: start.elapsed(),
    }
}

/// A loop of ten thousand rounds around a statement, with a namespace to keep things in.
fn repeated(start: &str, body: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}, y={start}) %}}{{% for i in range(9999) %}}{body}{{% endfor %}}{{{{ 'end' }}}}"
    )
}

fn hostile() -> Vec<(&'static str, String)> {
    let big = "('a' * 1000000)";
    vec![
        ("doubling", "{% set x = 'aaaaaaaa' %}".to_owned() + &"{% set x = x ~ x %}".repeat(60)),
        ("doubling by +", "{% set x = 'aaaaaaaa' %}".to_owned() + &"{% set x = x + x %}".repeat(60)),
        ("doubling in a loop", repeated("'aaaaaaaa'", "{% set ns.x = ns.x ~ ns.x %}")),
        ("fibonacci", repeated("'aaaaaaaa'", "{% set ns.x = ns.x ~ ns.y %}{% set ns.y = ns.y ~ ns.x %}")),
        ("a long text", "{{ 'a' * 10**9 }}".to_owned()),
        ("a long text, thrown away", "{% set x = 'a' * 99999999 %}{{ 'end' }}".to_owned()),
        ("a long text of constants", "{{ 'aaaaaaaaaa' * 99999999 ~ 'b' }}".to_owned()),
        ("many long texts", repeated("[]", &format!("{{% set ns.x = ns.x + [{big} ~ i] %}}"))),
        ("many slices", repeated(big, "{% set ns.y = [ns.y, ns.x[1:]] %}")),
        ("a doubled list", repeated("[1]", "{% set ns.x = ns.x + ns.x %}")),
        ("a repeated list", "{% set x = [1] * 10**9 %}{{ x | length }}".to_owned()),
        ("a list of repeated lists", "{% set x = [[1] * 9999] * 9999 %}{{ x == x }}".to_owned()),
        ("laughs", repeated("[1]", "{% set ns.x = [ns.x, ns.x] %}") + "{{ ns.x }}"),
        ("laughs, compared", "{% set x = [1] %}".to_owned() + &"{% set x = [x, x] %}".repeat(40) + "{{ x == x }}"),
        ("laughs, as JSON", "{% set x = {'a': 1} %}".to_owned() + &"{% set x = {'a': x, 'b': x} %}".repeat(40) + "{{ x | tojson }}"),
        ("deep lists", repeated("[]", "{% set ns.x = [ns.x] %}")),
        ("deep namespaces", repeated("1", "{% set ns.x = namespace(x=ns.x) %}")),
        ("a namespace in itself", "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".to_owned()),
        ("a namespace in itself, as JSON", "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns | tojson }}".to_owned()),
        ("replace", format!("{{% set x = {big}.replace('a', {big}) %}}{{{{ x }}}}")),
        ("replace, a filter", format!("{{% set x = {big} | replace('', {big}) %}}{{{{ x }}}}")),
        ("join", format!("{{{{ {big}.join(range(9999) | list) }}}}")),
        ("join, a filter", format!("{{{{ range(9999) | join({big}) }}}}")),
        ("join through map", format!("{{{{ range(9999) | map('replace', '1', {big}) | list | length }}}}")),
        ("format", "{{ '{:>999999999}'.format(1) }}".to_owned()),
        (
            "format, beyond ASCII in braces",
            "{{ '{ab[c\u{742}d]}'.format('x') }}".to_owned(),
        ),
        (
            "format, beyond ASCII in a key with a brace",
            "{{ '{ab[c}d\u{742}'.format('x') }}".to_owned(),
        ),
        (
            "format, beyond ASCII after a percent sign",
            "{{ '%\u{742}d' | format(1) }}".to_owned(),
        ),
        ("format, many", format!("{{{{ ('{{0}}' * 9999).format({big}) }}}}")),
        ("format, a filter", "{{ '%999999999d' | format(1) }}".to_owned()),
        ("indent", "{{ ('a\n' * 9999) | indent(999999999) }}".to_owned()),
        ("indent by name", "{{ ('a\n' * 9999) | indent(width=999999) }}".to_owned()),
        ("batch", "{{ [1] | batch(999999999, 1) | list }}".to_owned()),
        ("slice", "{{ [1] | slice(999999999) | list }}".to_owned()),
        ("range", "{% for i in range(10**15) %}x{% endfor %}".to_owned()),
        ("letters", format!("{{% set x = ({big} * 10) | list %}}{{{{ x | length }}}}")),
        ("many letters", repeated(big, "{% set ns.y = [ns.y, ns.x | list] %}")),
        ("captures", repeated("''", &format!("{{% set y %}}{{{{ {big} }}}}{{% endset %}}{{% set ns.x = [ns.x, y] %}}"))),
        ("captured text", format!("{{% set y %}}{{% for i in range(9999) %}}{}{{% endfor %}}{{% endset %}}", "a".repeat(100_000))),
        ("a filtered block", format!("{{% filter upper %}}{{% for i in range(9999) %}}{}{{% endfor %}}{{% endfilter %}}", "a".repeat(100_000))),
        ("a search", "{% for i in range(9999) %}{% for j in range(99) %}{% if 'aab' in messages[0].content %}{% endif %}{% endfor %}{% endfor %}".to_owned()),
        ("a comparison", "{% set x = messages[0].content %}{% for i in range(9999) %}{% for j in range(99) %}{% if x ~ 'a' == x ~ 'b' %}{% endif %}{% endfor %}{% endfor %}".to_owned()),
        ("loops", "{% for i in range(9999) %}".repeat(4) + &"{% endfor %}".repeat(4)),
        ("a macro of itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned()),
        ("macros of each other", "{% macro a(n) %}{{ b(n) }}{% endmacro %}{% macro b(n) %}{{ a(n) }}{{ a(n) }}{% endmacro %}{{ a(1) }}".to_owned()),
        ("a recursive loop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}".to_owned()),
        ("a recursive macro that doubles", "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('aaaaaaaa') }}".to_owned()),
        ("include", "{% include 'chat' %}".to_owned()),
        ("extends", "{% extends 'chat' %}".to_owned()),
        ("import", "{% import 'chat' as c %}{{ c.x }}".to_owned()),
        ("brackets", "{{ ".to_owned() + &"(".repeat(100_000) + &")".repeat(100_000) + " }}"),
        ("lists in lists", "{{ ".to_owned() + &"[".repeat(100_000) + &"]".repeat(100_000) + " }}"),
        ("a long sum", "{{ 1".to_owned() + &"+1".repeat(100_000) + " }}"),
        ("a mixed sum", "{{ 1".to_owned() + &"+1-1".repeat(240) + " }}"),
        ("nots", "{{ ".to_owned() + &"not ".repeat(50_000) + "1 }}"),
        ("filters", "{{ 1".to_owned() + &"|abs".repeat(50_000) + " }}"),
        ("ifs", "{% if 1 %}".repeat(10_000) + &"{% endif %}".repeat(10_000)),
        ("elifs", "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(15_000) + "{% endif %}"),
        ("a power", "{{ 10 ** 10 ** 10 }}".to_owned()),
    ]
}

#[test]
fn hostile_templates_are_refused_in_bounded_time_memory_and_stack() {
    let content = "a".repeat(1 << 20);
    let (mut peak, mut time) = ((0, ""), (Duration::ZERO, ""));
    for (name, source) in hostile() {
        let outcome = run(&source, &content);
        let message = match &outcome.result {
            Err(error) => error.to_string(),
            Ok(text) => panic!("{name} was rendered, {} bytes", text.len()),
        };
        assert!(
            message.len() < 500 && !message.contains('\n'),
            "{name}: {message}"
        );
        assert!(outcome.peak < MEMORY, "{name}: {} bytes", outcome.peak);
        assert!(outcome.time < TIME, "{name}: {:?}", outcome.time);
        peak = peak.max((outcome.peak, name));
        time = time.max((outcome.time, name));
    }
    println!(
        "most memory: {} MiB ({}); most time: {:?} ({})",
        peak.0 >> 20,
        peak.1,
        time.0,
        time.1
    );
}

#[test]
fn the_measurement_sees_memory() {
    // Negative control: a template that may use memory is seen to do so.
    let source = "{% set x = messages[0].content ~ 'b' %}{% set y = x ~ x %}{{ y | length }}";
    let outcome = run(source, &"a".repeat(4 << 20));
    assert_eq!(outcome.result.as_deref(), Ok("8388610"));
    assert!(outcome.peak > 16 << 20, "{}", outcome.peak);
}

#[test]
fn large_conversations_are_rendered() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let source = "{% set ns = namespace(all='', system=false) %}\
        {% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}\
        {% set ns.all = ns.all ~ m.role[0] %}\
        {% if '</think>' in m.content %}?{% endif %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '<|end|>\n' }}\
        {% if loop.index == messages | length %}{{ ns.all | length }}{% endif %}{% endfor %}";
    let messages: Vec<_> = (0..2000)
        .map(|n| Message::new(["user", "assistant"][n % 2], "x".repeat(500)))
        .collect();
    let template = ChatTemplate::new(source, None, None).unwrap();
    let text = template.render(&messages, true).unwrap();
    assert!(
        text.ends_with("<|end|>\n2000"),
        "{}",
        &text[text.len() - 40..]
    );
}
