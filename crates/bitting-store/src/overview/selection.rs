//! Choosing a part of a list out of keys that come in any order, with all counts in one pass.

use std::cmp::Ordering;

use bitting_core::key::KeyId;

use super::{Count, Counts, Horizon, OverviewPlace, Part, Sort, SortBy, SortValue, View, Vitals};
use crate::error::StoreError;

/// A key on its way past. Of most keys little is asked, so each part is read when it is.
pub(crate) trait Face {
    fn vitals(&self) -> Result<Vitals, StoreError>;
    fn environment(&self) -> Result<&str, StoreError>;
    fn name(&self) -> Result<&str, StoreError>;
    fn key(&self) -> Result<KeyId, StoreError>;
}

/// Which part of which list is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) view: View,
    pub(crate) sort: Sort,
    pub(crate) part: Part,
    pub(crate) limit: usize,
}

/// What was chosen.
#[derive(Debug, PartialEq)]
pub(crate) struct Selected {
    pub(crate) places: Vec<OverviewPlace>,
    /// How many of the view come before these.
    pub(crate) skipped: usize,
    pub(crate) has_previous: bool,
    pub(crate) has_next: bool,
}

/// Chooses. It holds no more than twice as many keys as it is to return.
#[derive(Debug)]
pub(crate) struct Selection<'w> {
    wanted: &'w Wanted,
    horizon: &'w Horizon,
    counts: [usize; 4],
    /// The best so far, in no order.
    found: Vec<OverviewPlace>,
    /// What is not better than this need not be kept.
    worst: Option<OverviewPlace>,
    /// Keys of the view on the other side of the place that the part begins at.
    behind: usize,
    /// Those on this side.
    ahead: usize,
}

const VIEWS: [View; 4] = [View::All, View::Attention, View::Unused, View::Revoked];

impl<'w> Selection<'w> {
    pub(crate) fn new(wanted: &'w Wanted, horizon: &'w Horizon) -> Self {
        Self { wanted, horizon, counts: [0; 4], found: Vec::new(), worst: None, behind: 0, ahead: 0 }
    }

    /// Looks at a key that fits everything but the view.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn offer(&mut self, face: &impl Face) -> Result<(), StoreError> {
        let vitals = face.vitals()?;
        let overdue_before = match self.horizon.overdue_everywhere_or_nowhere(vitals.created_at) {
            Some(before) => before,
            None => self.horizon.overdue_before(face.environment()?),
        };
        let mut is_wanted = false;
        for (count, view) in self.counts.iter_mut().zip(VIEWS) {
            let is_in = vitals.is_in(view, self.horizon, overdue_before);
            *count += usize::from(is_in);
            is_wanted |= is_in && view == self.wanted.view;
        }
        if is_wanted { self.consider(face, &vitals) } else { Ok(()) }
    }

    fn consider(&mut self, face: &impl Face, vitals: &Vitals) -> Result<(), StoreError> {
        let value = match self.wanted.sort.by {
            SortBy::Name => SortText::Text(face.name()?),
            SortBy::Created => SortText::Number(vitals.created_at),
            SortBy::LastUsed => SortText::Number(vitals.used_at),
            SortBy::Expires => SortText::Number(vitals.expires_at),
        };
        if let Some(place) = self.wanted.part.place()
            && self.comes(value, face, place)?.is_le()
        {
            self.behind += 1;
            return Ok(());
        }
        self.ahead += 1;
        if let Some(worst) = &self.worst
            && self.comes(value, face, worst)?.is_gt()
        {
            return Ok(());
        }
        self.found.push(OverviewPlace { value: value.to_kept(), key: face.key()? });
        if self.found.len() >= 2 * self.wanted.limit.max(8) {
            self.keep_best();
        }
        Ok(())
    }

    /// Whether a key comes before or after a place, in the direction in which the part is read.
    fn comes(&self, value: SortText<'_>, face: &impl Face, place: &OverviewPlace) -> Result<Ordering, StoreError> {
        let order = match value.compare(place.value.as_sorted()) {
            Ordering::Equal => face.key()?.cmp(&place.key),
            order => order,
        };
        Ok(if self.wanted.is_falling() { order.reverse() } else { order })
    }

    /// Leaves as many of those that were found as are to be returned.
    fn keep_best(&mut self) {
        let limit = self.wanted.limit.max(1);
        if self.found.len() > limit {
            self.found.select_nth_unstable_by(limit - 1, |one, other| self.wanted.walk(one, other));
            self.found.truncate(limit);
            self.worst = self.found.last().cloned();
        }
    }

    /// The part, and the counts of all views.
    pub(crate) fn finish(mut self) -> (Selected, Counts) {
        self.keep_best();
        let Self { wanted, counts: [all, attention, unused, revoked], found: mut places, behind, ahead, .. } = self;
        places.truncate(wanted.limit);
        places.sort_by(|one, other| wanted.walk(one, other));
        if let Part::Before(_) = wanted.part {
            places.reverse();
        }
        let beyond = ahead - places.len();
        let (skipped, has_next) = match wanted.part {
            Part::First | Part::After(_) => (behind, beyond > 0),
            Part::Before(_) => (beyond, behind > 0),
        };
        let counts = Counts {
            all: Count::exactly(all),
            attention: Count::exactly(attention),
            unused: Count::exactly(unused),
            revoked: Count::exactly(revoked),
        };
        (Selected { places, skipped, has_previous: skipped > 0, has_next }, counts)
    }
}

/// What a key is sorted by, as it is compared.
#[derive(Debug, Clone, Copy)]
enum SortText<'t> {
    Number(i64),
    Text(&'t str),
}

impl Part {
    /// Where it begins, in the direction in which it is read.
    pub(crate) fn place(&self) -> Option<&OverviewPlace> {
        match self {
            Self::First => None,
            Self::After(place) | Self::Before(place) => Some(place),
        }
    }
}

impl Wanted {
    /// Whether the part is read from the greatest to the least, away from its place.
    pub(crate) fn is_falling(&self) -> bool {
        self.sort.descending != matches!(self.part, Part::Before(_))
    }

    /// The order in which the part is read.
    pub(crate) fn walk(&self, one: &OverviewPlace, other: &OverviewPlace) -> Ordering {
        let order = one.rising(other);
        if self.is_falling() { order.reverse() } else { order }
    }
}

impl OverviewPlace {
    /// The order from the least to the greatest.
    fn rising(&self, other: &Self) -> Ordering {
        self.value.as_sorted().compare(other.value.as_sorted()).then(self.key.cmp(&other.key))
    }
}

impl SortText<'_> {
    fn compare(self, other: SortText<'_>) -> Ordering {
        match (self, other) {
            (Self::Number(one), SortText::Number(other)) => one.cmp(&other),
            // As SQLite's NOCASE compares.
            (Self::Text(one), SortText::Text(other)) => {
                let lower = |byte: u8| byte.to_ascii_lowercase();
                one.bytes().map(lower).cmp(other.bytes().map(lower))
            }
            // A place of a list in another order; wherever it leads, it leads there always.
            (Self::Number(_), SortText::Text(_)) => Ordering::Less,
            (Self::Text(_), SortText::Number(_)) => Ordering::Greater,
        }
    }

    fn to_kept(self) -> SortValue {
        match self {
            Self::Number(number) => SortValue::Number(number),
            Self::Text(text) => SortValue::Text(text.to_owned()),
        }
    }
}

impl SortValue {
    fn as_sorted(&self) -> SortText<'_> {
        match self {
            Self::Number(number) => SortText::Number(*number),
            Self::Text(text) => SortText::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::{Ages, Standing};
    use bitting_core::time::Timestamp;

    const DAY: i64 = 86_400_000;

    /// Keys with few different values, so that many are alike.
    fn faces() -> Vec<Known> {
        let key = |number: i64| {
            let standing = Standing::read(number % 3);
            let (created_at, used_at) = (number * 7 % 11 * 20 * DAY, number * 5 % 13 * 20 * DAY);
            let vitals = Vitals { standing, is_replaced: number % 9 == 0, created_at, expires_at: i64::MAX, used_at };
            let name = if number % 2 == 0 { format!("Key {}", number % 8) } else { format!("kEY {}", number % 6) };
            Known(KeyId::from_bytes(u128::from(number.unsigned_abs() * 31 % 100).to_be_bytes()), name, vitals)
        };
        (0..100).map(key).collect()
    }

    /// Id, name and vitals of a key.
    struct Known(KeyId, String, Vitals);

    impl Face for Known {
        fn vitals(&self) -> Result<Vitals, StoreError> {
            Ok(self.2)
        }

        fn environment(&self) -> Result<&str, StoreError> {
            Ok("live")
        }

        fn name(&self) -> Result<&str, StoreError> {
            Ok(&self.1)
        }

        fn key(&self) -> Result<KeyId, StoreError> {
            Ok(self.0)
        }
    }

    fn select(wanted: &Wanted) -> (Selected, Counts) {
        let horizon = Horizon::new(&Ages::default(), Timestamp::from_millis(250 * DAY));
        let mut selection = Selection::new(wanted, &horizon);
        for face in faces() {
            selection.offer(&face).unwrap();
        }
        selection.finish()
    }

    fn keys(selected: &Selected) -> Vec<KeyId> {
        selected.places.iter().map(|place| place.key).collect()
    }

    #[test]
    fn every_list_is_the_same_in_one_part_and_in_many_forwards_and_back() {
        for by in [SortBy::Name, SortBy::Created, SortBy::LastUsed, SortBy::Expires] {
            for (descending, view) in [false, true].into_iter().flat_map(|down| VIEWS.map(|view| (down, view))) {
                let sort = Sort { by, descending };
                let wanted = |part, limit| Wanted { view, sort, part, limit };
                let (whole, counts) = select(&wanted(Part::First, 1_000));
                assert_eq!(whole.places.len() as u64, counts.of(view).number);
                let in_order = |one: &OverviewPlace, other: &OverviewPlace| {
                    if descending { one.rising(other).is_gt() } else { one.rising(other).is_lt() }
                };
                assert!(whole.places.is_sorted_by(in_order), "{sort:?} {view:?}");
                let (mut part, mut forwards) = (Part::First, Vec::new());
                loop {
                    let (selected, _) = select(&wanted(part, 7));
                    assert_eq!((selected.skipped, selected.has_previous), (forwards.len(), !forwards.is_empty()));
                    forwards.extend(keys(&selected));
                    match selected.places.last().filter(|_| selected.has_next) {
                        Some(last) => part = Part::After(last.clone()),
                        None => break,
                    }
                }
                assert_eq!(forwards, keys(&whole), "{sort:?} {view:?}");
                let mut backwards = Vec::new();
                let mut part = Part::Before(whole.places[whole.places.len() - 1].clone());
                loop {
                    let (selected, _) = select(&wanted(part, 7));
                    assert!(selected.has_next);
                    backwards.splice(..0, keys(&selected));
                    assert_eq!(selected.skipped, whole.places.len() - 1 - backwards.len());
                    match selected.places.first().filter(|_| selected.has_previous) {
                        Some(first) => part = Part::Before(first.clone()),
                        None => break,
                    }
                }
                assert_eq!(backwards, forwards[..forwards.len() - 1], "{sort:?} {view:?}");
            }
        }
    }

    #[test]
    fn a_place_stays_where_it_was_when_its_key_is_gone() {
        let sort = Sort { by: SortBy::Created, descending: true };
        let place = OverviewPlace { value: SortValue::Number(100 * DAY), key: KeyId::from_bytes([0xFF; 16]) };
        let (selected, _) = select(&Wanted { view: View::All, sort, part: Part::After(place), limit: 3 });
        assert!(selected.places.iter().all(|place| place.value == SortValue::Number(100 * DAY)));
        assert!(selected.has_previous && selected.has_next);
    }
}
