//! One thing after another, prepared beside each other.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Prepares items on all cores, and works on them in their order, up to the first failure. A core is never more than one
/// prepared item ahead, which bounds the memory. What prepares has threads of its own: with them goes the memory that they
/// keep for the next piece of work.
pub(super) fn ahead<T: Sync, R: Send, E: Send>(
    items: &[T],
    prepare: impl Fn(&T) -> Result<R, E> + Sync,
    mut work: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    if let [only] = items {
        return work(prepare(only)?);
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let prepare = &prepare;
        let begin = |core| {
            let (sender, prepared) = sync_channel(0);
            scope.spawn(move || {
                let own = items.iter().skip(core).step_by(cores);
                // Nobody receives any more once the work has failed.
                own.map(prepare).try_for_each(|it| sender.send(it)).ok();
            });
            prepared
        };
        let each: Vec<_> = (0..cores.min(items.len())).map(begin).collect();
        // A thread that ended before its time has panicked, and so does the scope.
        let in_turn = each.iter().cycle().take(items.len());
        in_turn
            .map_while(|core| core.recv().ok())
            .try_for_each(|it| work(it?))
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
            let ended = ahead(items, prepare, |it| {
                done.push(it);
                Ok(())
            });
            (ended, done)
        };
        assert_eq!(run(&[], 0), (Ok(()), vec![]));
        assert_eq!(run(&[1], 0), (Ok(()), vec![2]));
        assert_eq!(run(&[1, 2, 3, 4], 0), (Ok(()), vec![2, 4, 6, 8]));
        assert_eq!(run(&[1, 2, 3, 4], 3), (Err(3), vec![2, 4]));
        let many: Vec<u32> = (1..=1000).collect();
        let twice = many.iter().map(|it| it * 2).collect();
        assert_eq!(run(&many, 0), (Ok(()), twice));
        let refused = ahead(&[1, 2, 3], |it| Ok(*it), Err);
        assert_eq!(refused, Err(1));
    }
}
