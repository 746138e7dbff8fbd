//! The same work for many things, on all cores where there are many.

use std::sync::mpsc::sync_channel;

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

/// Prepares each item beside the work on the one before it; works on them in their order, up to the first failure.
/// No more than one waits, prepared, while another is worked on. What prepares has threads of its own: with them goes the
/// memory that they keep for the next piece of work.
pub(super) fn one_ahead<T: Sync, R: Send, E: Send>(
    items: &[T],
    prepare: impl Fn(&T) -> Result<R, E> + Send,
    mut work: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    if let [only] = items {
        return work(prepare(only)?);
    }
    std::thread::scope(|scope| {
        let (sender, prepared) = sync_channel(0);
        let each = move || {
            for item in items {
                // Nobody receives any more once the work has failed.
                if sender.send(prepare(item)).is_err() {
                    break;
                }
            }
        };
        scope.spawn(|| match rayon::ThreadPoolBuilder::new().build() {
            Ok(threads) => threads.install(each),
            Err(_) => each(),
        });
        prepared.into_iter().try_for_each(|it| work(it?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_ahead_is_worked_on_in_order_up_to_a_failure() {
        let run = |items: &[u32], fails: u32| {
            let mut done = Vec::new();
            let prepare = |it: &u32| if *it == fails { Err(*it) } else { Ok(*it * 2) };
            let ended = one_ahead(items, prepare, |it| {
                done.push(it);
                Ok(())
            });
            (ended, done)
        };
        assert_eq!(run(&[], 0), (Ok(()), vec![]));
        assert_eq!(run(&[1], 0), (Ok(()), vec![2]));
        assert_eq!(run(&[1, 2, 3, 4], 0), (Ok(()), vec![2, 4, 6, 8]));
        assert_eq!(run(&[1, 2, 3, 4], 3), (Err(3), vec![2, 4]));
        let refused = one_ahead(&[1, 2, 3], |it| Ok(*it), Err);
        assert_eq!(refused, Err(1));
    }
}
