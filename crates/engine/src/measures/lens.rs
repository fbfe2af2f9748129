/// The first layer at which the last layer's answer leads and from which it stays ahead; `best` is the leading token
/// of each layer's logit lens, in order. `None` without layers.
#[must_use]
pub fn leads_from(best: &[u32]) -> Option<usize> {
    let answer = best.last()?;
    let other = best.iter().rposition(|id| id != answer);
    Some(other.map_or(0, |layer| layer + 1))
}

#[cfg(test)]
mod tests {
    use super::leads_from;

    #[test]
    fn a_lead_that_is_lost_again_does_not_count() {
        assert_eq!(leads_from(&[7, 4, 7, 7]), Some(2));
        assert_eq!(leads_from(&[4, 5, 6, 7]), Some(3));
        assert_eq!(leads_from(&[7, 7]), Some(0));
        assert_eq!(leads_from(&[]), None);
    }
}
