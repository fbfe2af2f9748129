/// Scores of a matrix of attention probabilities. All are means over rows, and all but the entropy are between 0 and
/// 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadScores {
    /// Entropy of a row in nats: 0 for attention to one position, ln n for equal attention to n.
    pub entropy: f64,
    /// Probability on the position before.
    pub previous_token: f64,
    /// Probability on position 0.
    pub first_token: f64,
    /// For a repeated token, the probability on the token that followed its earlier occurrence (the prefix-matching
    /// score of Olsson et al., In-context Learning and Induction Heads, 2022). `None` if no token repeats.
    pub induction: Option<f64>,
}

/// Scores of one head's probabilities, (positions, positions), over the tokens `ids`. The first row is left out,
/// because it can only attend to itself. `None` for fewer than two positions, or if the matrix has another size.
#[must_use]
pub fn head_scores(probabilities: &[f32], ids: &[u32]) -> Option<HeadScores> {
    let n = ids.len();
    if n < 2 || probabilities.len() != n * n {
        return None;
    }
    let rows = || (1..n).map(|i| (i, &probabilities[i * n..(i + 1) * n]));
    let mean = |of: &dyn Fn(usize, &[f32]) -> f64| {
        rows().map(|(i, row)| of(i, row)).sum::<f64>() / (n - 1) as f64
    };
    let matches: Vec<f64> = rows()
        .filter_map(|(i, row)| {
            let before = (0..i).filter(|j| ids[*j] == ids[i]);
            let followers: Vec<f64> = before.map(|j| f64::from(row[j + 1])).collect();
            (!followers.is_empty()).then(|| followers.iter().sum())
        })
        .collect();
    Some(HeadScores {
        entropy: mean(&|_, row| entropy(row)),
        previous_token: mean(&|i, row| f64::from(row[i - 1])),
        first_token: mean(&|_, row| f64::from(row[0])),
        induction: (!matches.is_empty())
            .then(|| matches.iter().sum::<f64>() / matches.len() as f64),
    })
}

/// −Σ p ln p in nats.
fn entropy(row: &[f32]) -> f64 {
    let terms = row.iter().map(|p| f64::from(*p)).filter(|p| *p > 0.0);
    -terms.map(|p| p * p.ln()).sum::<f64>()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]
mod tests {
    use super::*;

    /// A matrix whose row i attends to one position only.
    fn looking_at(targets: &[usize]) -> Vec<f32> {
        let n = targets.len();
        let mut matrix = vec![0.0; n * n];
        for (row, target) in targets.iter().enumerate() {
            matrix[row * n + target] = 1.0;
        }
        matrix
    }

    #[test]
    fn pure_heads_score_one_at_what_they_do_and_nothing_else() {
        // Tokens 5 6 7 5 6: the second 5 attends to the first 6, the second 6 to 7.
        let ids = [5, 6, 7, 5, 6];
        let induction = head_scores(&looking_at(&[0, 1, 2, 1, 2]), &ids).unwrap();
        assert_eq!(induction.induction, Some(1.0));
        assert_eq!((induction.entropy, induction.previous_token), (0.0, 0.0));
        let previous = head_scores(&looking_at(&[0, 0, 1, 2, 3]), &ids).unwrap();
        assert_eq!(previous.previous_token, 1.0);
        assert_eq!(previous.first_token, 0.25);
        assert_eq!(previous.induction, Some(0.0));
        let first = head_scores(&looking_at(&[0; 5]), &ids).unwrap();
        assert_eq!((first.first_token, first.previous_token), (1.0, 0.25));
    }

    #[test]
    fn a_flat_head_has_the_entropy_of_what_it_sees() {
        let matrix = [
            1.0,
            0.0,
            0.0,
            0.5,
            0.5,
            0.0,
            1.0 / 3.0,
            1.0 / 3.0,
            1.0 / 3.0,
        ];
        let scores = head_scores(&matrix, &[1, 2, 3]).unwrap();
        let wanted = (2.0_f64.ln() + 3.0_f64.ln()) / 2.0;
        assert!((scores.entropy - wanted).abs() < 1e-6);
        assert_eq!(scores.induction, None);
    }

    #[test]
    fn what_has_no_score_gets_none() {
        assert_eq!(head_scores(&[1.0], &[3]), None);
        assert_eq!(head_scores(&[1.0; 8], &[1, 2, 3]), None);
    }
}
