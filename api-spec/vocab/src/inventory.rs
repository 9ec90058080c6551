//! What is inside an image.

use crate::{Distro, InstalledPackage, Problem};

/// The packages of an image, and what could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// The distribution, where the image says.
    pub distro: Option<Distro>,
    /// Everything found, sorted.
    pub packages: Vec<InstalledPackage>,
    /// Everything that could not be read, sorted.
    pub problems: Vec<Problem>,
}

impl Inventory {
    /// Whether something could not be read: such an inventory never counts as clean.
    pub fn is_partial(&self) -> bool {
        !self.problems.is_empty()
    }
}
