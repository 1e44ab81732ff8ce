package app

import "iter"

// ahead runs a sequence in a goroutine of its own, one step ahead of whoever
// ranges over it, so that making the next value and using this one take
// turns on two cores. The goroutine has ended when the range ends.
func ahead[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	type step struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		steps, stop := make(chan step, 1), make(chan struct{})
		go func() {
			defer close(steps)
			for value, err := range seq {
				select {
				case steps <- step{value, err}:
				case <-stop:
					return
				}
			}
		}()
		defer func() {
			close(stop)
			for range steps { // until it has seen the stop
			}
		}()
		for s := range steps {
			if !yield(s.value, s.err) {
				return
			}
		}
	}
}
