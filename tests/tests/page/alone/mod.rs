//! What measures, and has the machine for itself: of the others some run at a time.

mod smooth;
mod speed;
