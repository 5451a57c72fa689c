//! Volumes and their drivers as numbers.
//!
//! Each use of a volume is counted. A volume that is not used any more is forgotten and its number given to another
//! one. So a number may be kept only as long as it is counted, or as the cluster does not change. Drivers are few and
//! keep theirs.

use berth_model::Str;
use rustc_hash::FxHashMap;

use crate::cluster::storage::attachable::Attachable;

/// A volume of a driver, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attached {
    /// The driver.
    pub driver: u32,
    /// The volume, unique among those of all drivers that are used now.
    pub volume: u32,
}

/// The numbers of drivers and volumes.
#[derive(Clone, Debug, Default)]
pub struct VolumeNumbers {
    drivers: FxHashMap<Str, u32>,
    volumes: FxHashMap<Attachable, u32>,
    /// By number; unused numbers are in `free`.
    uses: Vec<Option<Uses>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Uses {
    volume: Attachable,
    count: u32,
}

impl VolumeNumbers {
    /// The number of a volume, if it has one.
    pub fn find(&self, volume: &Attachable) -> Option<Attached> {
        let number = *self.volumes.get(volume)?;
        Some(Attached { driver: self.driver(&volume.driver)?, volume: number })
    }

    /// The number of a driver, if it has one.
    pub fn driver(&self, name: &str) -> Option<u32> {
        self.drivers.get(name).copied()
    }

    /// How many volumes have a number.
    pub fn volume_count(&self) -> usize {
        self.volumes.len()
    }

    /// Counts one more use of a volume. It keeps its number until all uses are released.
    pub(super) fn acquire(&mut self, volume: Attachable) -> Attached {
        let next_driver = self.drivers.len() as u32;
        let driver = match self.drivers.get(&volume.driver) {
            Some(&number) => number,
            None => *self.drivers.entry(volume.driver.clone()).or_insert(next_driver),
        };
        if let Some(&number) = self.volumes.get(&volume) {
            if let Some(uses) = &mut self.uses[number as usize] {
                uses.count += 1;
            }
            return Attached { driver, volume: number };
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.uses.push(None);
            self.uses.len() as u32 - 1
        });
        self.volumes.insert(volume.clone(), number);
        self.uses[number as usize] = Some(Uses { volume, count: 1 });
        Attached { driver, volume: number }
    }

    /// Counts one use out; it must have been counted in.
    pub(super) fn release(&mut self, volume: Attached) {
        let slot = &mut self.uses[volume.volume as usize];
        let Some(uses) = slot else { panic!("volume {} is released more often than used", volume.volume) };
        uses.count -= 1;
        if uses.count == 0
            && let Some(gone) = slot.take()
        {
            self.volumes.remove(&gone.volume);
            self.free.push(volume.volume);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::storage::attachable::Handle;

    fn volume(driver: &str, handle: &str) -> Attachable {
        Attachable { driver: driver.into(), handle: Handle::Volume(handle.into()) }
    }

    #[test]
    fn a_number_goes_to_another_volume_once_all_uses_are_released() {
        let mut numbers = VolumeNumbers::default();
        let (a, b) = (volume("one", "a"), volume("two", "b"));
        let first = numbers.acquire(a.clone());
        assert_eq!(numbers.acquire(a.clone()), first);
        numbers.release(first);
        assert_eq!(numbers.find(&a), Some(first), "still used once");
        numbers.release(first);
        assert_eq!(numbers.find(&a), None);
        let second = numbers.acquire(b.clone());
        assert_eq!((second.volume, numbers.find(&b)), (first.volume, Some(second)));
        assert_ne!(numbers.acquire(a).volume, second.volume);
        assert_eq!(numbers.volume_count(), 2);
    }

    #[test]
    fn as_many_numbers_are_kept_as_volumes_were_used_at_a_time() {
        let mut numbers = VolumeNumbers::default();
        for at in 0..100 {
            let both = [at, at + 1000].map(|at| numbers.acquire(volume("one", &at.to_string())));
            both.into_iter().for_each(|number| numbers.release(number));
        }
        assert_eq!((numbers.volume_count(), numbers.uses.len()), (0, 2));
    }
}
