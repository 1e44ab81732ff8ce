package registry

import (
	"testing"

	"pgregory.net/rapid"
)

// TestHashTableIsAMap proves F16: what the check of a large sheet remembers in
// little memory is what a map would have.
func TestHashTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table hashTable
		model := map[uint64]int32{}
		// Few high bytes, so that parts fill, and few low bits, so that places collide.
		key := rapid.Custom(func(t *rapid.T) uint64 {
			return uint64(rapid.IntRange(0, 2).Draw(t, "part"))<<56 | uint64(rapid.IntRange(0, 40).Draw(t, "high"))<<20 | uint64(rapid.IntRange(1, 3).Draw(t, "low"))
		})
		for n := range rapid.IntRange(0, 400).Draw(t, "steps") {
			k := key.Draw(t, "key")
			table.put(k, int32(n))
			model[k] = int32(n)
			other := key.Draw(t, "other")
			got, has := table.get(other)
			if want, wanted := model[other]; has != wanted || got != want && wanted {
				t.Fatalf("key %x: got %d, %v, want %d, %v", other, got, has, want, wanted)
			}
		}
	})
}
