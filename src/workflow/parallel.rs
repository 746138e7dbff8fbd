//! The same work for many things, on all cores where there are many.

use rayon::prelude::*;

/// Below this, sharing the work costs more than it saves.
const FEW: usize = 64;

/// What `each` makes of each item, in their order; the first failure where one fails.
pub(super) fn on_all_cores<T: Sync, R: Send, E: Send>(
    items: &[T],
    each: impl Fn(&T) -> Result<R, E> + Send + Sync,
) -> Result<Vec<R>, E> {
    if items.len() < FEW {
        items.iter().map(each).collect()
    } else {
        items.par_iter().map(each).collect()
    }
}
