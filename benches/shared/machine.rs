//! The machine of a run, and what its disk takes for a sync: figures without it mean nothing.

use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::report::{Cell, Unit};
use crate::stats::Spread;
use crate::{git, prepare};

/// Ticks of a process's CPU time in a second (`USER_HZ` of Linux).
const TICKS: f64 = 100.0;

/// Processor, memory, kernel, file system and versions, one a line.
pub(crate) fn facts() -> Result<Vec<String>> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|it| it.starts_with(name));
        let value = line.and_then(|it| it.split_once(':'));
        value.map_or_else(|| "unknown".to_owned(), |(_, it)| it.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = |program: &str, args: &[&str]| {
        let said = std::process::Command::new(program).args(args).output();
        said.map_or_else(
            |_| format!("no {program}"),
            |it| String::from_utf8_lossy(&it.stdout).trim().to_owned(),
        )
    };
    let here = prepare::cache();
    fs::create_dir_all(&here)?;
    Ok(vec![
        format!(
            "{} × {cores}, {} memory, Linux {}",
            field(&read("/proc/cpuinfo"), "model name"),
            field(&read("/proc/meminfo"), "MemTotal"),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        format!("file system: {}", mount_of(&here)?),
        format!(
            "fleetwright {}, {}, {}",
            env!("CARGO_PKG_VERSION"),
            version("git", &["--version"]),
            version("rustc", &["--version"])
        ),
        format!(
            "source: {}",
            git::run(
                Path::new(env!("CARGO_MANIFEST_DIR")),
                &["describe", "--always", "--dirty", "--abbrev=12"]
            )
            .unwrap_or_else(|_| "no repository".to_owned())
        ),
        format!("load average before: {}", read("/proc/loadavg").trim()),
    ])
}

/// Type and options of the file system that a folder is on.
fn mount_of(folder: &Path) -> Result<String> {
    let folder = folder.canonicalize()?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let below = fields.filter(|(at, _, _)| folder.starts_with(at));
    let found = below.max_by_key(|(at, _, _)| at.len());
    Ok(found.map_or_else(
        || "unknown".to_owned(),
        |(_, kind, options)| format!("{kind} ({options})"),
    ))
}

/// What syncs cost now: a block of a file written over and synced, and a new file with its folder.
pub(crate) fn sync_cost(samples: usize) -> Result<String> {
    let scratch = prepare::Scratch::new()?;
    let folder = scratch.path("sync");
    fs::create_dir_all(&folder)?;
    let block = [0x5a_u8; 4096];
    let mut file = File::create(folder.join("block"))?;
    file.write_all(&block)?;
    file.sync_all()?;
    let mut over = Vec::new();
    let mut new = Vec::new();
    for number in 0..samples {
        let began = Instant::now();
        file.rewind()?;
        file.write_all(&block)?;
        file.sync_data()?;
        over.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let mut one = File::create(folder.join(number.to_string()))?;
        one.write_all(&block)?;
        one.sync_all()?;
        new.push(began.elapsed().as_secs_f64());
    }
    let cell = |samples: &[f64]| Cell(Spread::of(samples), Unit::Millis);
    Ok(format!(
        "4 KiB written over and fdatasync: {}; a new file of 4 KiB and fsync: {}",
        cell(&over),
        cell(&new)
    ))
}

/// CPU time that a process has used, in seconds, all threads together.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold anything; the fields after it are numbers (proc(5): utime and stime).
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|it| it.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS)
}

/// Flushes that the disk of the prepared fleets has done since the machine started, whoever asked for them.
pub(crate) fn flushes() -> Result<u32> {
    let device = fs::metadata(prepare::cache())?.dev();
    // Packed as in gnu_dev_makedev(3).
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    let disks = fs::read_to_string("/proc/diskstats")?;
    let counts = disks.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ours = fields.first()?.parse() == Ok(major) && fields.get(1)?.parse() == Ok(minor);
        // Field 16 of the statistics that follow the name (Documentation/admin-guide/iostats.rst).
        fields.get(18).filter(|_| ours)?.parse::<u32>().ok()
    });
    Ok(counts.sum())
}
