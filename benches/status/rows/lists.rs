//! All stores of a phase, page by page, beside what a person would type.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::Size;
use crate::phases;
use crate::place::Place;
use crate::report::{Cell, Line, Report, Unit};
use crate::stats::Spread;

/// Row "lists".
pub(super) fn measure(size: &Size, place: &mut Place, report: &mut Report) -> Result<()> {
    let world = place.watched()?;
    let well = world.failing.iter().filter(|it| !**it).count();
    let mut client = world.program()?.client()?;
    let (mut all, mut page, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    // The first round opens what the others find open.
    for round in 0..=size.rounds {
        let began = Instant::now();
        let listed = phases::list(&mut client, "&phase=Ready")?;
        let ours = began.elapsed().as_secs_f64();
        ensure!(
            listed.len() == well,
            "{} stores are Ready and not {well}",
            listed.len()
        );
        let strange = listed.iter().find(|(_, phase)| *phase != "Ready");
        ensure!(
            strange.is_none(),
            "another phase was asked for: {strange:?}"
        );
        let began = Instant::now();
        let (status, body) = client.get("/api/v1/stores?limit=200&phase=Ready")?;
        let one = began.elapsed().as_secs_f64();
        ensure!(status == 200, "no list: {status} {body}");
        let began = Instant::now();
        let said = world.bed.kubectl_ok(&["get", "helmrelease", "-A"])?;
        let kubectl = began.elapsed().as_secs_f64();
        ensure!(
            said.lines().count() == size.stores + 1,
            "kubectl tells of every release"
        );
        if round > 0 {
            all.push(ours);
            page.push(one);
            theirs.push(kubectl);
        }
    }
    let rival = || {
        let cell = Cell(Spread::of(&theirs), Unit::Millis);
        Some(("kubectl get helmrelease -A".to_owned(), cell))
    };
    for (figure, ours, reach) in [
        ("list of all that are Ready, pages of 200", &all, "≥ 50×"),
        ("its first page", &page, ""),
    ] {
        report.line(&Line {
            figure: figure.to_owned(),
            fleet: world.fleet(),
            ours: Cell(Spread::of(ours), Unit::Millis),
            rival: rival(),
            ratio: Some((Spread::of_pairs(&theirs, ours), "as fast")),
            reach,
        });
    }
    Ok(())
}
