//! `strftime_now`: the local time in the format of Python's `strftime` on Linux.

use std::fmt::Write as _;

use chrono::{DateTime, Local};

/// Letters that chrono writes as the C library does.
const SAME: &str = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyY%";

/// The current time. `%f` are microseconds; the time has no zone, so `%z` and `%Z` are empty; other letters stay.
pub fn strftime_now(format: &str) -> String {
    strftime(format, &Local::now())
}

fn strftime(format: &str, time: &DateTime<Local>) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            None => text.push('%'),
            Some('f') => _ = write!(text, "{:06}", time.timestamp_subsec_micros() % 1_000_000),
            Some('z' | 'Z') => {}
            Some('c') => _ = write!(text, "{}", time.format("%a %b %e %H:%M:%S %Y")),
            Some('h') => _ = write!(text, "{}", time.format("%b")),
            Some('-') => match after.next() {
                // The C library's flag for numbers without padding, which chrono has too.
                Some(letter) if SAME.contains(letter) => {
                    _ = write!(text, "{}", time.format(&format!("%-{letter}")));
                }
                other => text.extend(['%', '-'].into_iter().chain(other)),
            },
            Some(letter) if SAME.contains(letter) => {
                _ = write!(text, "{}", time.format(&format!("%{letter}")));
            }
            Some(other) => text.extend(['%', other]),
        }
        rest = after.as_str();
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn letters_are_those_of_python() {
        let time = Local
            .with_ymd_and_hms(2026, 2, 3, 4, 5, 6)
            .single()
            .unwrap();
        for (format, text) in [
            ("%d %B %Y", "03 February 2026"),
            ("%Y-%m-%d %H:%M:%S.%f", "2026-02-03 04:05:06.000000"),
            ("%e|%-d|%j|%p|%I", " 3|3|034|AM|04"),
            ("[%z][%Z]%%%Q%", "[][]%%Q%"),
            ("%c %x %X", "Tue Feb  3 04:05:06 2026 02/03/26 04:05:06"),
            ("é%yß", "é26ß"),
        ] {
            assert_eq!(strftime(format, &time), text, "{format}");
        }
    }
}
