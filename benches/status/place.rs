//! What most rows are measured at: an API server with a fleet's objects, and the program that watches it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::api_server::ApiServer;
use crate::fleet::{Shape, WATCHED};
use crate::launcher::{Options, Testbed};
use crate::objects::Maker;
use crate::phases::{none_wrong, settle};
use crate::prepare::{Picks, Prepared, Scratch, prepared};
use crate::program::{Program, dev_folder};
use crate::rows::Size;
use crate::{git, tell};

/// How long all phases may take to be right: many times what is wanted, so that a slow run still has a figure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// Made when the first row asks for it: a row may need none of it.
pub(crate) struct Place {
    stores: usize,
    world: Option<World>,
}

/// The API server, the fleet and the program.
pub(crate) struct World {
    pub(crate) prepared: Prepared,
    pub(crate) api: ApiServer,
    /// Whether a store's newest upgrade failed, by its number.
    pub(crate) failing: Vec<bool>,
    /// Stores whose statuses change, each once before any comes again.
    pub(crate) picks: Picks,
    /// Memory of the program before it watched anything, in bytes.
    pub(crate) memory_alone: f64,
    program: Option<Program>,
    data: PathBuf,
    commit: String,
    /// What was written for several stores.
    shared: BTreeSet<String>,
    pub(crate) bed: Testbed,
    /// Goes last.
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new(size: &Size) -> Self {
        Self {
            stores: size.stores,
            world: None,
        }
    }

    /// The world with the objects of so many stores at least.
    pub(crate) fn with(&mut self, stores: usize) -> Result<&mut World> {
        let world = match self.world.take() {
            Some(world) => world,
            None => World::begin(self.stores)?,
        };
        let world = self.world.insert(world);
        world.write(stores)?;
        Ok(world)
    }

    /// The world with the objects of all stores and the program watching them, all phases right.
    pub(crate) fn watched(&mut self) -> Result<&mut World> {
        let world = self.with(self.stores)?;
        if world.program.is_none() {
            let kubeconfig = world.bed.kubeconfig().to_owned();
            world.watch(&kubeconfig)?;
        }
        let wrong = settle(world.program()?, &world.failing, PATIENCE)?;
        none_wrong(&wrong)?;
        Ok(world)
    }
}

impl World {
    fn begin(stores: usize) -> Result<Self> {
        let prepared = prepared(Shape::watched(stores))?;
        let scratch = Scratch::new()?;
        let data = scratch.path("data");
        dev_folder(&prepared, &data)?;
        let bed = Testbed::start(Options {
            control_plane_only: true,
            ..Options::default()
        })?;
        let api = ApiServer::connect(bed.kubeconfig())?;
        // Makes the index, so that no row measures that.
        let program = Program::dev(&data)?;
        bed.kubectl_apply(&bootstrap(&data)?)?;
        let memory_alone = program.memory()?;
        drop(program);
        let head = format!("deploy/{WATCHED}");
        let commit = git::run(&data.join("fleet.git"), &["rev-parse", &head])?;
        Ok(Self {
            prepared,
            api,
            failing: Vec::new(),
            picks: Picks::new(stores),
            memory_alone,
            program: None,
            data,
            commit: commit.trim().to_owned(),
            shared: BTreeSet::new(),
            bed,
            scratch,
        })
    }

    /// Writes the objects of the stores up to this number that have none yet.
    fn write(&mut self, stores: usize) -> Result<()> {
        let first = self.failing.len();
        if first >= stores {
            return Ok(());
        }
        tell(&format!(
            "  writing the objects of stores {first} to {stores}"
        ));
        let helm = self.bed.program("helm");
        let shared = std::mem::take(&mut self.shared);
        let mut maker = Maker::new(&self.prepared.fleet, &self.commit, &helm, shared)?;
        if first == 0 {
            self.api.write(std::iter::once(maker.root()), 1)?;
        }
        let writes = (first..stores).map(|it| maker.store(it));
        self.api.write(writes, stores - first)?;
        self.shared = maker.into_shared();
        self.failing.resize(stores, false);
        Ok(())
    }

    /// Starts the program afresh, watching the API server as a kubeconfig says.
    pub(crate) fn watch(&mut self, kubeconfig: &Path) -> Result<&Program> {
        self.rest();
        self.program = Some(Program::watching(&self.data, kubeconfig)?);
        self.program()
    }

    /// Ends the program.
    pub(crate) fn rest(&mut self) {
        self.program = None;
    }

    pub(crate) fn program(&self) -> Result<&Program> {
        self.program.as_ref().context("the program runs")
    }

    /// The fleet, for the table.
    pub(crate) fn fleet(&self) -> String {
        self.prepared.fleet.shape.to_string()
    }
}

/// What the running program of a data folder says its cluster needs first.
pub(crate) fn bootstrap(data: &Path) -> Result<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetwright"));
    let args = ["cluster", "bootstrap", WATCHED, "--data"];
    let made = command.args(args).arg(data).output()?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(made.status.success(), "no bootstrap: {said}");
    Ok(String::from_utf8(made.stdout)?)
}
