//! Formatting of numbers.

/// `49,132`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `98.3 MB`; a megabyte is a million bytes, as browsers and disks count.
pub fn bytes(value: u64) -> String {
    let value = value as f64;
    if value >= 1e9 {
        format!("{:.2} GB", value / 1e9)
    } else if value >= 1e6 {
        format!("{:.1} MB", value / 1e6)
    } else {
        format!("{:.1} kB", value / 1e3)
    }
}

/// `135 M`, `1.71 B`.
pub fn parameters(value: u64) -> String {
    let value = value as f64;
    if value >= 1e9 {
        format!("{:.2} B", value / 1e9)
    } else if value >= 1e6 {
        format!("{:.0} M", value / 1e6)
    } else {
        format!("{value:.0}")
    }
}

/// A probability in percent: three decimals, or three significant digits below 0.1 %.
pub fn percent(probability: f64) -> String {
    let percent = probability * 100.0;
    if percent == 0.0 || percent >= 0.1 {
        format!("{percent:.3} %")
    } else if percent >= 1e-4 {
        let decimals = (2.0 - percent.log10().floor()) as usize;
        format!("{percent:.decimals$} %")
    } else {
        format!("{percent:.2e} %")
    }
}

/// Information in nats: `2.310 nats`.
pub fn nats(value: f64) -> String {
    format!("{value:.3} nats")
}

/// Information in bits: `3.333 bits`.
pub fn bits(value: f64) -> String {
    format!("{value:.3} bits")
}

/// A rate with three significant digits.
pub fn rate(per_second: f64) -> String {
    if per_second >= 100.0 {
        format!("{per_second:.0}")
    } else if per_second >= 10.0 {
        format!("{per_second:.1}")
    } else {
        format!("{per_second:.2}")
    }
}

/// `0.31 s`, `12 s`, `2 min 5 s`.
pub fn seconds(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2} s")
    } else {
        whole_seconds(value)
    }
}

/// Estimated time left, without decimals: `4 s`, `2 min 5 s`.
pub fn whole_seconds(value: f64) -> String {
    let whole = value.ceil() as u64;
    if whole < 60 {
        format!("{whole} s")
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}

/// `0–29`, `0, 2, 4`: sorted numbers, with ranges joined.
pub fn runs(numbers: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => parts.push((number, number)),
        }
    }
    let part = |(start, end): &(u32, u32)| match end - start {
        0 => start.to_string(),
        1 => format!("{start}, {end}"),
        _ => format!("{start}–{end}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(49_132), "49,132");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn percents_keep_three_digits() {
        assert_eq!(percent(0.0), "0.000 %");
        assert_eq!(percent(0.632_14), "63.214 %");
        assert_eq!(percent(0.001), "0.100 %");
        assert_eq!(percent(0.000_123_4), "0.0123 %");
        assert_eq!(percent(0.000_012_345), "0.00123 %");
        assert_eq!(percent(0.000_000_999_9), "1.00e-4 %");
        assert_eq!(percent(1.234e-10), "1.23e-8 %");
    }

    #[test]
    fn sizes_and_times_read_well() {
        assert_eq!(bytes(98_304_000), "98.3 MB");
        assert_eq!(bytes(1_500_000_000), "1.50 GB");
        assert_eq!(parameters(134_515_008), "135 M");
        assert_eq!(seconds(0.314), "0.31 s");
        assert_eq!(whole_seconds(3.2), "4 s");
        assert_eq!(whole_seconds(125.0), "2 min 5 s");
    }

    #[test]
    fn neighbours_become_one() {
        assert_eq!(runs(&[]), "");
        assert_eq!(runs(&[0, 1, 2, 3]), "0–3");
        assert_eq!(runs(&[0, 2, 4, 5]), "0, 2, 4, 5");
        assert_eq!(runs(&[1, 3, 4, 5]), "1, 3–5");
    }
}
