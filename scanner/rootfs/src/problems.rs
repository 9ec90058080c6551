//! A bounded list of problems.

use api_vocab::{Problem, ProblemCode};

/// Problems in the order they were met; those over the limit are counted.
#[derive(Debug)]
pub struct Problems {
    list: Vec<Problem>,
    limit: usize,
    left_out: u64,
}

impl Problems {
    /// An empty list that keeps `limit` problems.
    pub fn at_most(limit: usize) -> Self {
        Problems { list: Vec::new(), limit, left_out: 0 }
    }

    /// Adds a problem, unless it has just been said.
    pub fn push(&mut self, problem: Problem) {
        if self.list.last() == Some(&problem) {
            return;
        }
        if self.list.len() < self.limit {
            self.list.push(problem);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The problems, with one at the end that counts those left out.
    pub fn into_vec(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let detail = format!("{} more problems are not listed", self.left_out);
            let code = self.list.last().map_or(ProblemCode::Malformed, |last| last.code);
            self.list.push(Problem::new(code, "", detail));
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_over_the_limit_are_counted() {
        let mut problems = Problems::at_most(2);
        for path in ["a", "a", "b", "c", "d"] {
            problems.push(Problem::new(ProblemCode::Malformed, path, "x"));
        }
        let listed = problems.into_vec();
        assert_eq!(listed.len(), 3);
        assert_eq!(&*listed[2].detail, "2 more problems are not listed");
    }
}
