//! How deep a tree has to go for its answers, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a tree is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What a name stands for.
    Lookup,
    /// The attributes of a node.
    Attributes,
    /// A directory's listing, when it is opened.
    List,
    /// Bytes of a file.
    Read,
}

/// Where a tree finds an answer, from the cheapest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// What the tree knows. Bodies that were downloaded into a file are part of that.
    Memory,
    /// The disk cache.
    Disk,
    /// A call that was under way for somebody else.
    Joined,
    /// A call of its own.
    Source,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lookup, Self::Attributes, Self::List, Self::Read];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Attributes => "attributes",
            Self::List => "list",
            Self::Read => "read",
        }
    }
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Memory, Self::Disk, Self::Joined, Self::Source];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Joined => "joined",
            Self::Source => "source",
        }
    }
}

/// Counts the questions of a tree, each once, under the deepest layer that it came to.
#[derive(Debug, Default)]
pub(crate) struct Layers([[AtomicU64; Layer::ALL.len()]; Question::ALL.len()]);

impl Layers {
    /// Begins a question, which counts when the result is dropped: also one that failed, or that
    /// nobody waits for any more.
    pub(crate) fn ask(&self, question: Question) -> Asked<'_> {
        Asked { layers: self, question, deepest: Layer::Memory }
    }

    /// Returns all counts.
    pub(crate) fn counts(&self) -> BTreeMap<(Question, Layer), u64> {
        let rows = Question::ALL.into_iter().zip(&self.0);
        let cells = rows.flat_map(|(question, row)| {
            let cells = Layer::ALL.into_iter().zip(row);
            cells.map(move |(layer, count)| ((question, layer), count.load(Ordering::Relaxed)))
        });
        cells.collect()
    }
}

/// A question that is being answered.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    layers: &'a Layers,
    question: Question,
    deepest: Layer,
}

impl Asked<'_> {
    /// Takes in that the answer was looked for here.
    pub(crate) fn reach(&mut self, layer: Layer) {
        self.deepest = self.deepest.max(layer);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let row = self.layers.0.get(self.question as usize);
        if let Some(count) = row.and_then(|row| row.get(self.deepest as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_counts_once_where_it_ended() {
        let layers = Layers::default();
        drop(layers.ask(Question::Read));
        let mut asked = layers.ask(Question::List);
        asked.reach(Layer::Source);
        asked.reach(Layer::Disk);
        drop(asked);
        let mut counts = layers.counts();
        assert_eq!(counts.len(), 16);
        counts.retain(|_, count| *count > 0);
        let expected = [((Question::List, Layer::Source), 1), ((Question::Read, Layer::Memory), 1)];
        assert_eq!(counts, BTreeMap::from(expected));
    }
}
