package backlog

// Flusher is a connection with a backlog.
type Flusher interface {
	// Flush sees to it that what waits is written: by this goroutine, when it is to be done
	// now and needs no waiting, else by the connection's writer. It does not block.
	Flush(now bool)
}

// Via is where the frames that a goroutine reads came in. It goes along with what is sent because
// of them: a connection whose writer is asleep then need not wake it, since the reader will see
// to it before it reads again, or waits for anything else. One message wakes nobody: the reader
// writes what came of it. After several the writers are woken, as each will have more to write.
// It is used by that goroutine only; nil, on all others, wakes writers at once.
type Via struct {
	received int
	promised []Flusher
}

// Received counts a message that was read.
func (v *Via) Received() { v.received++ }

// Promise has a connection flushed soon. A connection asks once until it is flushed.
func (v *Via) Promise(f Flusher) { v.promised = append(v.promised, f) }

// Flush keeps the promises. Whoever has a Via calls it before anything that may block, and at the
// end.
func (v *Via) Flush() {
	now := v.received <= 1
	v.received = 0
	for i, f := range v.promised {
		v.promised[i] = nil
		f.Flush(now)
	}
	v.promised = v.promised[:0]
}
