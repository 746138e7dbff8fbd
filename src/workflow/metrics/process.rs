//! The process as the kernel sees it: memory, processor time, open files (proc(5)). Nothing where there is no `/proc`.

use std::fs;

use super::float;

/// A figure: name, what it is, value.
type Figure = (&'static str, &'static str, f64);

/// What can be read, under the names that Prometheus' own clients use.
pub(super) fn figures() -> Vec<Figure> {
    let mut all = Vec::new();
    if let Ok(text) = fs::read_to_string("/proc/self/statm")
        && let Some(pages) = text.split_whitespace().nth(1).and_then(number)
    {
        let bytes = pages * float(rustix::param::page_size() as u64);
        all.push((
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            bytes,
        ));
    }
    if let Ok(text) = fs::read_to_string("/proc/self/stat")
        && let Some(ticks) = ticks(&text)
    {
        let seconds = ticks / float(rustix::param::clock_ticks_per_second());
        all.push((
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            seconds,
        ));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        all.push((
            "process_open_fds",
            "Number of open file descriptors.",
            float(files.count() as u64),
        ));
    }
    all
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// User and system time: fields 14 and 15, of which the program's name, with whatever it holds, is the second.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next().and_then(number)? + fields.next().and_then(number)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("nonsense"), None);
    }
}
