//! Roughly, the memory that takes what was found: what bounds of memory are counted in.

use crate::extractor::{Extracted, ExtractedPackage};
use crate::layer::{FileRecord, LayerInventory};
use crate::owned::OwnedFiles;
use api_vocab::Problem;

/// A text in a list: itself, its pointer and length, the allocator's own.
pub(crate) const fn of_text(text: &str) -> usize {
    32 + text.len()
}

pub(crate) fn of_package(found: &ExtractedPackage) -> usize {
    let package = &found.package;
    let source = package.source().map_or(0, |source| source.name().len() + source.version().len());
    let licenses: usize = found.licenses.iter().map(|license| of_text(license)).sum();
    let nested = found.nested.as_deref().map_or(0, str::len);
    240 + package.name().len() + package.version().len() + source + licenses + nested
}

/// What was made of the file at a path.
pub(crate) fn of_extracted(path: &str, extracted: &Extracted) -> usize {
    of_findings(path, &extracted.packages, &extracted.owned, &extracted.problems)
}

pub(crate) fn of_record(record: &FileRecord) -> usize {
    of_findings(&record.path, &record.packages, &record.owned, &record.problems)
}

fn of_findings(
    path: &str,
    packages: &[ExtractedPackage],
    owned: &[OwnedFiles],
    problems: &[Problem],
) -> usize {
    let packages: usize = packages.iter().map(of_package).sum();
    let owned: usize = owned.iter().map(of_owned).sum();
    160 + path.len() + packages + owned + of_problems(problems)
}

fn of_owned(owned: &OwnedFiles) -> usize {
    64 + owned.owner.len() + owned.paths.iter().map(|path| of_text(path)).sum::<usize>()
}

fn of_problems(problems: &[Problem]) -> usize {
    problems.iter().map(|problem| 64 + problem.path.len() + problem.detail.len()).sum()
}

pub(crate) fn of_layer(layer: &LayerInventory) -> usize {
    let texts = |list: &[Box<str>]| list.iter().map(|text| of_text(text)).sum::<usize>();
    let links: usize = layer.links.iter().map(|(path, target)| of_text(path) + of_text(target)).sum();
    layer.files.iter().map(of_record).sum::<usize>()
        + texts(&layer.whiteouts)
        + texts(&layer.opaques)
        + links
        + size_of_val(layer.shadows.as_slice())
        + of_problems(&layer.problems)
}
