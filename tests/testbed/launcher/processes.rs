//! Starts processes that cannot outlive the testbed, and ends them.
//!
//! Two nets hold them. `Drop` kills and waits. When the program itself is killed and no `Drop` runs, the kernel kills them: each
//! is started through `setpriv --pdeathsig KILL`. That signal is sent when the *thread* that started a process ends, and a
//! test's thread ends early, so one thread that lives as long as the testbed starts them all.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::component::Component;
use super::error::Error;

/// A command and where its outcome is wanted.
type Request = (Command, Sender<io::Result<Child>>);

/// The running processes, at most one for each component.
#[derive(Debug)]
pub(super) struct Processes {
    children: Mutex<BTreeMap<Component, Child>>,
    requests: Option<Sender<Request>>,
    spawner: Option<JoinHandle<()>>,
}

impl Processes {
    /// No process yet, only the thread that will start them.
    pub(super) fn new() -> Self {
        let (requests, inbox) = channel();
        Self {
            children: Mutex::default(),
            requests: Some(requests),
            spawner: Some(std::thread::spawn(move || serve(&inbox))),
        }
    }

    /// Starts `command` as the process of `component`; one that runs already is ended first.
    pub(super) fn start(&self, component: Component, command: Command) -> Result<(), Error> {
        self.stop(component);
        let (reply, outcome) = channel();
        self.requests
            .as_ref()
            .expect("taken only by drop")
            .send((command, reply))
            .expect("the spawning thread ends only when this is dropped");
        let child = outcome
            .recv()
            .expect("the spawning thread answers each request")
            .map_err(|source| Error::Spawn {
                program: component.name().into(),
                source,
            })?;
        self.lock().insert(component, child);
        Ok(())
    }

    /// Kills a process and waits until it is gone, so that its ports are free again.
    pub(super) fn stop(&self, component: Component) {
        if let Some(mut child) = self.lock().remove(&component) {
            end(&mut child);
        }
    }

    /// Whether the process of `component` was started and still runs.
    pub(super) fn is_running(&self, component: Component) -> bool {
        self.lock()
            .get_mut(&component)
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The process id of a component that was started and not stopped.
    pub(super) fn id(&self, component: Component) -> Option<u32> {
        self.lock().get(&component).map(Child::id)
    }

    /// Kills all of them and waits until they are gone.
    pub(super) fn stop_all(&self) {
        let mut children = std::mem::take(&mut *self.lock());
        // All signals first: nobody then spends time on the end of somebody else.
        for child in children.values_mut() {
            let _ = child.kill();
        }
        children.values_mut().for_each(end);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Component, Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop_all();
        self.requests = None;
        if let Some(spawner) = self.spawner.take() {
            let _ = spawner.join();
        }
    }
}

/// A command for `program` that the kernel kills when the thread that started it ends.
pub(super) fn bound_to_parent(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program.as_ref());
    command
}

fn serve(inbox: &Receiver<Request>) {
    while let Ok((mut command, reply)) = inbox.recv() {
        let _ = reply.send(command.spawn());
    }
}

/// SIGKILL, not SIGTERM: an API server that drains keeps its port for a minute.
fn end(child: &mut Child) {
    // Both fail only for a process that is gone, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}
