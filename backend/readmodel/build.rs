//! Builds again when a migration step is added: the steps are embedded.

fn main() {
    for folder in ["sqlite", "postgres"] {
        println!("cargo::rerun-if-changed=../../migrations/{folder}");
    }
}
