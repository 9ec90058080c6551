//! The packages of an image, in few bytes: ten thousand images hold millions.

use crate::PackageId;
use crate::postings::Postings;

/// Numbers of unique packages, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageIds(Postings);

impl PackageIds {
    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len() as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = PackageId> {
        self.0.iter().map(PackageId::new)
    }

    /// Those that `other` has not, ascending.
    pub fn without(&self, other: &PackageIds) -> Vec<PackageId> {
        let mut others = other.iter().peekable();
        let mut is_other = |id: &PackageId| {
            while others.next_if(|other| other < id).is_some() {}
            others.peek() == Some(id)
        };
        self.iter().filter(|id| !is_other(id)).collect()
    }
}

impl FromIterator<PackageId> for PackageIds {
    /// In any order, with repetitions.
    fn from_iter<I: IntoIterator<Item = PackageId>>(ids: I) -> Self {
        let mut ids: Vec<PackageId> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        PackageIds(ids.into_iter().map(PackageId::number).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ids(numbers: &[u32]) -> PackageIds {
        numbers.iter().copied().map(PackageId::new).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn ids_are_those_given_and_without_leaves_out_the_others(
            one in prop::collection::vec(prop_oneof![0..40_u32, any::<u32>()], 0..60),
            other in prop::collection::vec(prop_oneof![0..40_u32, any::<u32>()], 0..60),
        ) {
            let sets = [&one, &other].map(|list| list.iter().copied().collect::<BTreeSet<u32>>());
            let numbers = |ids: Vec<PackageId>| ids.into_iter().map(PackageId::number).collect::<Vec<_>>();
            prop_assert_eq!(numbers(ids(&one).iter().collect()), sets[0].iter().copied().collect::<Vec<_>>());
            prop_assert_eq!((ids(&one).len(), ids(&one).is_empty()), (sets[0].len(), sets[0].is_empty()));
            let without = ids(&one).without(&ids(&other));
            prop_assert_eq!(numbers(without), sets[0].difference(&sets[1]).copied().collect::<Vec<_>>());
        }
    }
}
