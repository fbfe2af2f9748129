//! Pacing of the logit lens: decides which tokens get it, so that it takes a limited share of the time.
//!
//! The cost is measured by how much later tokens arrive. A single token does not show it, because the GPU works
//! ahead. The first token gets the lens, and so does a later one that measures its cost. After that, a token gets
//! the lens if the total cost, including its own, stays within the share.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_gpu::Clock;

/// Maximum estimated cost of the lens, relative to the time of tokens without it. Below the documented
/// 15 %, because other inspection also costs a little and the estimate has some error.
const SHARE: f64 = 0.12;
/// Index of the token whose lens is measured; those before it measure the time without the lens.
const TRIAL: u32 = 8;
/// Distance from the last token with the lens at which its cost no longer delays a token.
const NEAR: u32 = 2;
/// Weight of the newest token in the moving average of a token's time.
const NEWEST: f64 = 0.2;

/// Decides for each token whether it gets the lens. Clones share their account.
#[derive(Clone)]
pub struct LensPace {
    clock: Clock,
    account: Rc<RefCell<Account>>,
}

/// A submitted token.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    at_s: f64,
    pub has_lens: bool,
}

#[derive(Debug, Default)]
struct Account {
    begun: u32,
    /// Completed tokens, without the first of each sequence.
    tokens: u32,
    /// Tokens with the lens, completed or not.
    lenses: u32,
    /// Tokens with the lens that are not completed.
    promised: u32,
    /// Tokens since the last one with the lens.
    since_lens: u32,
    /// Average time of a token without the lens.
    plain_s: Option<f64>,
    /// Total time of tokens in excess of `plain_s`.
    longer_s: f64,
    /// When the last token completed.
    last_s: f64,
    /// The time of the next token includes its prompt.
    has_prompt: bool,
}

impl LensPace {
    /// A pace without measurements.
    pub fn new() -> Self {
        Self {
            clock: Clock::start(),
            account: Rc::default(),
        }
    }

    /// Notes that a new sequence begins; earlier tokens may never complete.
    pub fn new_sequence(&self) {
        let mut account = self.account.borrow_mut();
        account.promised = 0;
        account.has_prompt = true;
    }

    /// Begins a token, and decides whether it has the lens.
    pub fn begin(&self) -> Begun {
        Begun {
            has_lens: self.account.borrow_mut().grant(),
            at_s: self.clock.seconds(),
        }
    }

    /// Notes that a token and its packet are complete.
    pub fn came(&self, begun: Begun) {
        let now_s = self.clock.seconds();
        self.account.borrow_mut().came(begun, now_s);
    }
}

impl Account {
    /// Average cost of the lens for a token, once it is known. The first token is not measured, because its
    /// time includes the prompt.
    fn price_s(&self) -> Option<f64> {
        let known = self.lenses > 2 || self.lenses == 2 && self.since_lens >= NEAR;
        known.then(|| self.longer_s.max(0.0) / f64::from(self.lenses - 1 - self.promised))
    }

    fn grant(&mut self) -> bool {
        let granted = match (self.price_s(), self.plain_s) {
            (Some(price_s), Some(plain_s)) => {
                price_s * f64::from(self.lenses + 1) <= SHARE * plain_s * f64::from(self.tokens)
            }
            _ => self.begun == 0 || self.begun == TRIAL,
        };
        self.begun += 1;
        self.lenses += u32::from(granted);
        self.promised += u32::from(granted);
        granted
    }

    fn came(&mut self, begun: Begun, now_s: f64) {
        // Time in which no token runs does not count.
        let took_s = now_s - begun.at_s.max(self.last_s);
        self.last_s = now_s;
        self.promised -= u32::from(begun.has_lens).min(self.promised);
        self.since_lens = match begun.has_lens {
            true => 0,
            false => self.since_lens + 1,
        };
        if std::mem::take(&mut self.has_prompt) {
            return;
        }
        self.tokens += 1;
        let is_plain = self.since_lens >= NEAR && self.promised == 0;
        let plain_s = self.plain_s.unwrap_or(took_s);
        if is_plain {
            self.plain_s = Some(plain_s + NEWEST * (took_s - plain_s));
        } else if self.plain_s.is_some() {
            self.longer_s += took_s - plain_s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Begun, SHARE, TRIAL};

    /// Simulates tokens of 0.1 s, each submitted before the previous one completes, where the lens delays the next
    /// token. Returns the tokens with the lens, and its share of the time.
    fn run(price_s: f64, tokens: usize) -> (Vec<usize>, f64) {
        let mut account = Account {
            has_prompt: true,
            ..Account::default()
        };
        let mut now_s = 0.0;
        let begin = |account: &mut Account, at_s: f64| Begun {
            at_s,
            has_lens: account.grant(),
        };
        let mut with_lens = Vec::new();
        let mut next = begin(&mut account, now_s);
        let mut late_s = 0.0;
        for token in 0..tokens {
            let ahead = begin(&mut account, now_s);
            now_s += 0.1 + late_s;
            late_s = 0.0;
            account.came(next, now_s);
            if next.has_lens {
                with_lens.push(token);
                late_s = price_s;
            }
            next = ahead;
        }
        let share = with_lens.len() as f64 * price_s / (0.1 * tokens as f64);
        (with_lens, share)
    }

    #[test]
    fn a_dear_lens_is_rare_and_stays_within_its_share() {
        let (with_lens, share) = run(0.4, 400);
        assert_eq!(with_lens[..2], [0, TRIAL as usize]);
        assert!(with_lens[2] >= 80, "{with_lens:?}");
        assert!(share < SHARE + 1e-9, "{share}");
        assert!(share > 0.8 * SHARE, "{share}");
    }

    #[test]
    fn a_cheap_lens_is_had_by_almost_all_tokens() {
        let (with_lens, share) = run(0.01, 100);
        assert!(with_lens.len() >= 85, "{with_lens:?}");
        assert!(share < SHARE + 1e-9, "{share}");
    }

    #[test]
    fn idle_time_does_not_count() {
        let mut account = Account::default();
        let token = |at_s| Begun {
            at_s,
            has_lens: false,
        };
        account.came(token(0.0), 0.1);
        account.came(token(0.1), 0.2);
        let before = account.plain_s;
        account.came(token(100.0), 100.1);
        let change = account.plain_s.unwrap() - before.unwrap();
        assert!(change.abs() < 1e-9, "{change}");
    }
}
