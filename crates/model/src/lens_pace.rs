//! How many tokens have the logit lens, where it may take only a share of the time.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_gpu::Clock;

/// The most that the lens may take, of the time that tokens take without it.
const SHARE: f64 = 0.15;

/// Lets a token have the lens as soon as those before it have earned what it costs. The first one has it
/// on credit: from then on its price is known. Handles of one pace share their account.
#[derive(Clone)]
pub struct LensPace {
    clock: Clock,
    account: Rc<RefCell<Account>>,
}

/// A token that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    at_s: f64,
    has_lens: bool,
}

#[derive(Debug, Default)]
struct Account {
    /// What tokens have earned and the lens has not spent.
    saved_s: f64,
    /// What the lens of a token takes.
    price_s: Option<f64>,
    /// When the last token came.
    last_s: f64,
    /// Tokens that were begun with the lens and have not come.
    promised: u32,
}

impl LensPace {
    /// Nothing is earned yet.
    pub fn new() -> Self {
        Self {
            clock: Clock::start(),
            account: Rc::default(),
        }
    }

    /// Forgets tokens that were begun and will never come.
    pub fn forget_promises(&self) {
        self.account.borrow_mut().promised = 0;
    }

    /// Begins a token, and tells whether it is to have the lens.
    pub fn begin(&self) -> (Begun, bool) {
        let has_lens = self.account.borrow_mut().grant();
        let at_s = self.clock.seconds();
        (Begun { at_s, has_lens }, has_lens)
    }

    /// A token's choice has come; what is left of it is the lens.
    pub fn chosen(&self, begun: Begun) {
        let now_s = self.clock.seconds();
        self.account.borrow_mut().earn(begun.at_s, now_s);
    }

    /// All of a token has come.
    pub fn complete(&self, begun: Begun) {
        let now_s = self.clock.seconds();
        if begun.has_lens {
            self.account.borrow_mut().pay(now_s);
        }
    }
}

impl Account {
    fn grant(&mut self) -> bool {
        let granted = match self.price_s {
            None => self.promised == 0,
            Some(price_s) => self.saved_s >= price_s * f64::from(self.promised + 1),
        };
        self.promised += u32::from(granted);
        granted
    }

    fn earn(&mut self, begun_s: f64, now_s: f64) {
        // Nothing is earned by waiting between two tokens.
        self.saved_s += SHARE * (now_s - begun_s.max(self.last_s));
        self.last_s = now_s;
    }

    fn pay(&mut self, now_s: f64) {
        let price_s = now_s - self.last_s;
        self.saved_s -= price_s;
        self.price_s = Some(price_s);
        self.last_s = now_s;
        self.promised = self.promised.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, SHARE};

    /// Tokens of a tenth of a second, each begun when the one before comes; gives those with the lens,
    /// and the share of the time that it took.
    fn run(price_s: f64, tokens: usize) -> (Vec<usize>, f64) {
        let mut account = Account::default();
        let (mut now_s, mut with_lens) = (0.0, Vec::new());
        for token in 0..tokens {
            let (begun_s, granted) = (now_s, account.grant());
            now_s += 0.1;
            account.earn(begun_s, now_s);
            if granted {
                now_s += price_s;
                account.pay(now_s);
                with_lens.push(token);
            }
        }
        let share = with_lens.len() as f64 * price_s / (0.1 * tokens as f64);
        (with_lens, share)
    }

    #[test]
    fn a_dear_lens_is_rare_and_stays_within_its_share() {
        let (with_lens, share) = run(0.4, 400);
        assert_eq!(with_lens[0], 0);
        assert!(with_lens.len() >= 13, "{with_lens:?}");
        assert!(share <= SHARE, "{share}");
        // Its first price is paid back before it is had again.
        assert!(with_lens[1] > 50, "{with_lens:?}");
    }

    #[test]
    fn a_cheap_lens_is_had_by_almost_all_tokens() {
        let (with_lens, share) = run(0.01, 100);
        assert!(with_lens.len() >= 99, "{with_lens:?}");
        assert!(share <= SHARE, "{share}");
    }

    #[test]
    fn one_lens_at_a_time_is_had_on_credit() {
        let mut account = Account::default();
        assert!(account.grant());
        assert!(!account.grant(), "its price is not known yet");
    }

    #[test]
    fn waiting_earns_nothing() {
        let mut account = Account::default();
        account.earn(0.0, 0.1);
        let before = account.saved_s;
        account.earn(100.0, 100.1);
        assert!((account.saved_s - 2.0 * before).abs() < 1e-9);
    }
}
