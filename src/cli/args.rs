//! The grammar of the command line. What a flag means to the server is said by the server.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::change::{Action, State};
use crate::domain::{ChangeId, ClusterName, StoreName};

mod store;
mod token;

pub(super) use store::{
    ActionArgs, CreateArgs, Mode, SpecArgs, StoreCommand, StoreListArgs, Until, UpdateArgs,
    WriteArgs,
};
pub(super) use token::{TokenCommand, TokenCreateArgs};

/// Store requests become signed commits that Flux applies
#[derive(Debug, Parser)]
#[command(name = "fleetwright", version, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run everything on this machine: API, dashboard and a fleet repository of its own
    Dev(DevArgs),
    /// Run against a remote fleet repository and real clusters
    Serve(ServeArgs),
    /// Write the skeleton of a fleet repository into a new or empty repository
    Init(InitArgs),
    /// Print what a record renders to
    Render(RenderArgs),
    /// Work with stores of a running server
    Store {
        #[command(subcommand)]
        command: Box<StoreCommand>,
        #[command(flatten)]
        server: Server,
    },
    /// Work with changes of a running server
    Change {
        #[command(subcommand)]
        command: ChangeCommand,
        #[command(flatten)]
        server: Server,
    },
    /// Work with API tokens of a running server, as an admin
    Token {
        #[command(subcommand)]
        command: TokenCommand,
        #[command(flatten)]
        server: Server,
    },
    /// Work with the fleet policy
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Work with the index of a stopped server
    Index {
        #[command(subcommand)]
        command: IndexCommand,
    },
    /// Work with clusters
    Cluster {
        #[command(subcommand)]
        command: ClusterCommand,
    },
    /// Work with charts
    Charts {
        #[command(subcommand)]
        command: ChartsCommand,
        #[command(flatten)]
        server: Server,
    },
    /// Look at what this machine and the server need
    Doctor {
        #[command(flatten)]
        args: DoctorArgs,
        #[command(flatten)]
        server: Server,
    },
    /// Print what a shell reads to complete this command line
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// The data folder; made when it is not there
    #[arg(long, value_name = "DIR", default_value = "./.fleetwright")]
    pub(super) data: PathBuf,
    /// The address to listen at; port 0 takes a free one. On another than a loopback address the fleet repository asks for
    /// the password in git.token of the data folder
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(super) listen: String,
    /// Watch the cluster of this kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Lift counts and request limits, for load and fault runs
    #[arg(long)]
    pub(super) no_limits: bool,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Print what is in force, with secrets hidden, and stop
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// A new or empty folder for a bare repository, or the URL of an empty repository
    #[arg(value_name = "DIR|URL")]
    pub(super) target: String,
    #[command(flatten)]
    pub(super) signer: SignerArgs,
}

/// Whose commit it is
#[derive(Debug, Args)]
pub(super) struct SignerArgs {
    /// Who commits
    #[arg(long, value_name = "NAME <EMAIL>", default_value = crate::config::AUTHOR)]
    pub(super) author: String,
    /// The SSH key that signs the commit; without it one that is thrown away afterwards
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// The record; - reads stdin
    #[arg(value_name = "FILE")]
    pub(super) record: PathBuf,
    /// The fleet policy; without it the skeleton's
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

/// The server that a client command speaks to, and how its answers are printed
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The server's address. The token is read from `FLEETWRIGHT_TOKEN`
    #[arg(long, global = true, value_name = "URL", env = "FLEETWRIGHT_URL", default_value = super::client::DEFAULT_URL)]
    pub(super) url: String,
    /// How answers are printed
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For people with wide terminals
    Wide,
    /// As the API answers
    Json,
    /// The same as YAML
    Yaml,
    /// Names only
    Name,
}

#[derive(Debug, Subcommand)]
pub(super) enum ChangeCommand {
    /// List changes
    List(ChangeListArgs),
    /// Show one change
    Get {
        /// The change
        id: ChangeId,
    },
    /// Print a change's states as it goes, until it ends
    Watch {
        /// The change
        id: ChangeId,
        /// What to wait for
        #[arg(long, value_enum, default_value_t = Until::Ready)]
        until: Until,
        /// Give up after so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
        timeout: u64,
    },
    /// Take a change back that is not written yet
    Cancel {
        /// The change
        id: ChangeId,
    },
    /// Agree to a change that waits for approval
    Approve {
        /// The change
        id: ChangeId,
        /// Print what it would write now, and the tag of just that
        #[arg(long)]
        dry_run: bool,
        /// Agree only to what has this tag
        #[arg(long, value_name = "TAG", conflicts_with = "dry_run")]
        if_match: Option<String>,
    },
    /// Say no to a change that waits for approval
    Reject {
        /// The change
        id: ChangeId,
        /// Why, in one line
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct ChangeListArgs {
    /// Only in this state
    #[arg(long, value_parser = state)]
    pub(super) state: Option<State>,
    /// Only of this store
    #[arg(long)]
    pub(super) store: Option<StoreName>,
    /// Only of stores of this owner
    #[arg(long)]
    pub(super) owner: Option<String>,
    /// Only of this action
    #[arg(long, value_parser = action)]
    pub(super) action: Option<Action>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Say what is wrong with a fleet policy
    Check {
        /// The file; - reads stdin
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum IndexCommand {
    /// Compare the index with Git, and follow the chain of refusals and sign-ins
    Check(IndexArgs),
    /// Throw the index away and make it anew from Git
    Rebuild(IndexArgs),
}

#[derive(Debug, Args)]
pub(super) struct IndexArgs {
    /// The data folder of `dev`
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./.fleetwright",
        conflicts_with = "config"
    )]
    pub(super) data: PathBuf,
    /// The configuration file of `serve`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// Print what a cluster with Flux needs; pipe it to kubectl apply --server-side -f -
    Bootstrap(BootstrapArgs),
    /// List objects in clusters without a record and records without objects, and what to do about each
    Orphans {
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(super) struct BootstrapArgs {
    /// The cluster's name in the fleet policy
    pub(super) cluster: ClusterName,
    /// The data folder of `dev`
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./.fleetwright",
        conflicts_with = "config"
    )]
    pub(super) data: PathBuf,
    /// The configuration file of `serve`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where the cluster fetches the fleet repository
    #[arg(long)]
    pub(super) url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum ChartsCommand {
    /// List engines and the chart versions that may be chosen
    List,
    /// Add the built-in chart versions that a fleet repository lacks, by a commit on main
    Sync(SyncArgs),
}

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// A folder with a bare repository, or its URL
    #[arg(value_name = "DIR|URL")]
    pub(super) target: String,
    #[command(flatten)]
    pub(super) signer: SignerArgs,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// A configuration file of `serve` to look at as well
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

fn state(text: &str) -> Result<State, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn action(text: &str) -> Result<Action, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wait_takes_seconds_or_none() {
        let wait = |args: &[&str]| match Cli::try_parse_from(args).map(|it| it.command) {
            Ok(Command::Store { command, .. }) => match *command {
                StoreCommand::Delete(args) => args.write.wait,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&["fleetwright", "store", "delete", "a"]), None);
        assert_eq!(
            wait(&["fleetwright", "store", "delete", "a", "--wait"]),
            Some(60)
        );
        assert_eq!(
            wait(&["fleetwright", "store", "delete", "a", "--wait", "5"]),
            Some(5)
        );
    }
}
