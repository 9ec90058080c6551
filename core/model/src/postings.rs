//! Sets of small numbers in few bytes: millions of them say which images hold a package.

/// Ascending numbers, each as its distance from the one before, in groups of seven bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Postings {
    bytes: Vec<u8>,
    last: u32,
    count: u32,
}

impl Postings {
    /// Insert a number that is not among them; cheap if it is the greatest.
    pub(crate) fn insert(&mut self, number: u32) {
        if self.count == 0 || number > self.last {
            return self.append(number);
        }
        let numbers: Vec<u32> = self.iter().collect();
        let (below, above) = numbers.split_at(numbers.partition_point(|other| *other < number));
        *self = below.iter().chain([&number]).chain(above).copied().collect();
    }

    /// Remove a number, if it is among them.
    pub(crate) fn remove(&mut self, number: u32) {
        let mut numbers: Vec<u32> = self.iter().collect();
        if let Ok(place) = numbers.binary_search(&number) {
            numbers.remove(place);
            *self = numbers.into_iter().collect();
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) const fn len(&self) -> u32 {
        self.count
    }

    /// Ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let mut bytes = self.bytes.iter();
        let mut number = 0;
        std::iter::from_fn(move || {
            number += distance(&mut bytes)?;
            Some(number)
        })
    }

    fn append(&mut self, number: u32) {
        if self.bytes.capacity() - self.bytes.len() < LONGEST {
            // Doubling would leave a third of millions of bytes empty.
            self.bytes.reserve_exact(self.bytes.len() / 8 + LONGEST);
        }
        let mut rest = number - self.last;
        while rest >= MORE {
            self.bytes.push((rest % MORE) as u8 | MORE as u8);
            rest /= MORE;
        }
        self.bytes.push(rest as u8);
        (self.last, self.count) = (number, self.count + 1);
    }
}

impl FromIterator<u32> for Postings {
    /// Ascending numbers, in no more bytes than they take.
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut postings = Postings::default();
        numbers.into_iter().for_each(|number| postings.insert(number));
        postings.bytes.shrink_to_fit();
        postings
    }
}

/// Bytes of the longest distance.
const LONGEST: usize = 5;
/// Set in every byte of a distance but the last.
const MORE: u32 = 0x80;

/// The distance that the next bytes are.
fn distance(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let (mut distance, mut shift) = (0, 0);
    loop {
        let byte = u32::from(*bytes.next()?);
        distance |= (byte % MORE) << shift;
        if byte < MORE {
            return Some(distance);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn postings_changed_at_random_hold_what_a_set_holds(
            changes in prop::collection::vec((any::<bool>(), prop_oneof![0..40_u32, any::<u32>()]), 0..200),
        ) {
            let (mut postings, mut set) = (Postings::default(), BTreeSet::new());
            for (come, number) in changes {
                if !come {
                    postings.remove(number);
                    set.remove(&number);
                } else if set.insert(number) {
                    postings.insert(number);
                }
                prop_assert_eq!(postings.len() as usize, set.len());
            }
            prop_assert_eq!(postings.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(postings.is_empty(), set.is_empty());
        }
    }
}
