//! Lists source files that are large: a smell, not a law.
#![allow(clippy::print_stdout)]

use tidy::{law, tree};

fn main() -> std::io::Result<()> {
    let root = tree::root();
    for file in tree::files(&root, ".rs")? {
        let lines = std::fs::read_to_string(&file)?.lines().count();
        if lines > law::LARGE_FILE {
            println!("{lines:6}  {}", file.strip_prefix(&root).unwrap_or(&file).display());
        }
    }
    Ok(())
}
