//! Templates, charts and the skeleton are built in: a file added to them must build the program anew.

fn main() {
    for folder in ["templates", "charts", "fleet"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
