//! Pages of lists: the smallest items after a cursor, without building the whole list.

use crate::advisories::Advisories;
use actix_web::HttpResponse;
use api_chassis::http::HttpError;
use api_wire::page::{Order, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// How many items a page may hold.
pub fn limit_of(asked: Option<u32>) -> Result<usize, HttpError> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        other => Err(HttpError::invalid(format!("limit {other} is not between 1 and {MAX_LIMIT}"))),
    }
}

/// A cursor as text: what the list is sorted by, and the last item's place in that order.
pub fn cursor_to(sort: &str, place: &impl Serialize) -> String {
    // Keys are strings and numbers: writing them cannot fail.
    hex::encode(serde_json::to_vec(&(sort, place)).unwrap_or_default())
}

/// The place that a cursor of the same sort names.
pub fn cursor_from<K: DeserializeOwned>(sort: &str, cursor: Option<&str>) -> Result<Option<K>, HttpError> {
    let Some(text) = cursor else { return Ok(None) };
    let refused =
        || HttpError::invalid("the cursor is not one of this list and order; take it from the page before");
    let bytes = hex::decode(text).map_err(|_| refused())?;
    let (of, place): (String, K) = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    if of == sort { Ok(Some(place)) } else { Err(refused()) }
}

/// Answer a page whose items show findings or count them: it says which advisories they come from.
pub fn with_advisories<T: Serialize>(page: Page<T>, advisories: &Advisories) -> HttpResponse {
    HttpResponse::Ok().json(Page { advisories: Some(advisories.set()), ..page })
}

/// What a page is cut by: its sort's name, direction, start and size.
pub struct Cut<K> {
    sort: String,
    descending: bool,
    after: Option<K>,
    limit: usize,
}

impl<K: Ord + Serialize + DeserializeOwned> Cut<K> {
    /// Read what the query says.
    pub fn of(
        sort: &str,
        order: Option<Order>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Self, HttpError> {
        let descending = order == Some(Order::Desc);
        let sort = format!("{sort}{}", if descending { "-" } else { "" });
        Ok(Cut { after: cursor_from(&sort, cursor)?, limit: limit_of(limit)?, descending, sort })
    }

    /// Where the page starts, for lists that can begin there.
    pub const fn after(&self) -> Option<&K> {
        self.after.as_ref()
    }

    /// The page of `items`, which come in any order, each with its unique place.
    pub fn page<T, U>(&self, items: impl Iterator<Item = (K, T)>, mut render: impl FnMut(T) -> U) -> Page<U> {
        let kept = if self.descending {
            let items = items.map(|(key, item)| (Reverse(key), item));
            let after = self.after.as_ref();
            smallest(items.filter(|(Reverse(key), _)| after.is_none_or(|after| key < after)), self.limit + 1)
                .into_iter()
                .map(|(Reverse(key), item)| (key, item))
                .collect()
        } else {
            let after = self.after.as_ref();
            smallest(items.filter(|(key, _)| after.is_none_or(|after| key > after)), self.limit + 1)
        };
        self.cut(kept, &mut render)
    }

    /// The page of `items` that come in ascending order and begin after the cursor.
    pub fn page_in_order<T, U>(
        &self,
        items: impl Iterator<Item = (K, T)>,
        mut render: impl FnMut(T) -> U,
    ) -> Page<U> {
        self.cut(items.take(self.limit + 1).collect(), &mut render)
    }

    fn cut<T, U>(&self, mut kept: Vec<(K, T)>, render: &mut impl FnMut(T) -> U) -> Page<U> {
        let more = kept.len() > self.limit;
        kept.truncate(self.limit);
        let next_cursor = kept.last().filter(|_| more).map(|(key, _)| cursor_to(&self.sort, key));
        let items = kept.into_iter().map(|(_, item)| render(item)).collect();
        Page { items, next_cursor, advisories: None }
    }
}

struct Placed<K, T>(K, T);

impl<K: Ord, T> PartialEq for Placed<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K: Ord, T> Eq for Placed<K, T> {}
impl<K: Ord, T> PartialOrd for Placed<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Ord, T> Ord for Placed<K, T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// The `count` smallest items, in order, in memory for `count`.
fn smallest<K: Ord, T>(items: impl Iterator<Item = (K, T)>, count: usize) -> Vec<(K, T)> {
    let mut heap: BinaryHeap<Placed<K, T>> = BinaryHeap::with_capacity(count + 1);
    for (key, item) in items {
        if heap.len() < count {
            heap.push(Placed(key, item));
        } else if heap.peek().is_some_and(|largest| key < largest.0) {
            heap.pop();
            heap.push(Placed(key, item));
        }
    }
    heap.into_sorted_vec().into_iter().map(|Placed(key, item)| (key, item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(order: Option<Order>, limit: u32) -> Vec<u32> {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let cut: Cut<u32> = Cut::of("n", order, cursor.as_deref(), Some(limit)).unwrap();
            let page = cut.page([5, 3, 9, 1, 7].into_iter().map(|n| (n, n)), |n| n);
            assert!(page.items.len() <= limit as usize);
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return seen;
            }
        }
    }

    #[test]
    fn pages_joined_are_the_whole_list_in_order() {
        for limit in 1..=6 {
            assert_eq!(walk(None, limit), [1, 3, 5, 7, 9]);
            assert_eq!(walk(Some(Order::Desc), limit), [9, 7, 5, 3, 1]);
        }
    }

    #[test]
    fn cursor_of_another_order_is_refused() {
        let cursor = cursor_to("n", &1u32);
        assert!(Cut::<u32>::of("n", Some(Order::Desc), Some(&cursor), None).is_err());
        assert!(Cut::<u32>::of("m", None, Some(&cursor), None).is_err());
        assert!(Cut::<u32>::of("n", None, Some("zz"), None).is_err());
        assert!(Cut::<u32>::of("n", None, Some(&cursor), None).is_ok());
    }

    #[test]
    fn limit_out_of_bounds_is_refused() {
        assert!(limit_of(Some(0)).is_err());
        assert!(limit_of(Some(1001)).is_err());
        assert_eq!(limit_of(None).unwrap(), 100);
    }
}
