package collab

// acks is what a session's client is told of the fate of its update frames. A y-websocket client that asked for subprotocol bizsync.v1 is told how many are decided; a
// Hocuspocus client gets a status for each that its own counter waits for (CONTRACT section 4, "Acks"). That counter becomes 1 with each step 1 that the client sends,
// whatever it was, and has 1 more for each update made from then on; a status takes 1 off, and version 2 counts below 0.
type acks struct {
	counts   bool // bizsync.v1
	statuses bool // Hocuspocus

	open    []openFrame // update frames that are not decided yet or not told so, in order
	dropped int         // of open
	decided uint64      // the first so many update frames are decided
	told    uint64      // and the client knows of so many

	// Of a Hocuspocus session, since the client's newest step 1.
	synced  bool // a step 2 is decided: until then statuses are kept
	due     int  // statuses of frames that came while the document was not open to the client: its step 2 contains them
	saved   int  // statuses that may go out
	lost    int  // the same, of frames that were refused
	refused int  // refused and told so: a later step 2 contains them, too
}

// openFrame is an update frame on its way to a decision.
type openFrame struct {
	number  uint64
	decided bool
	dropped bool // held for too long: the next step 2 contains it
	refused bool
	step2   bool
	silent  bool // the client doesn't wait for its status
}

// opened notes an update frame that waits for its decision. Frames are opened in the order of their numbers, without a hole. False when too many wait.
func (s *session) opened(f frame) bool {
	a := &s.acks
	if !a.counts && !a.statuses {
		return true
	}
	a.open = append(a.open, openFrame{number: f.number, step2: f.kind == frameStep2, silent: f.silent})
	return len(a.open) <= openMost
}

// unsettled counts the statuses that the client waits for.
func (a *acks) unsettled() int64 {
	n := a.due + a.saved + a.lost + a.refused
	for i := range a.open {
		if !a.open[i].silent {
			n++
		}
	}
	return int64(n)
}

// restart notes that the client's counter begins anew: it waits for no status of what it sent before.
func (a *acks) restart() {
	for i := range a.open {
		a.open[i].silent = true
	}
	a.due, a.saved, a.lost, a.refused = 0, 0, 0, 0
}

// find gives the entry of an update frame, or nil when it is settled and told.
func (a *acks) find(number uint64) *openFrame {
	if len(a.open) == 0 || number < a.open[0].number {
		return nil
	}
	return &a.open[number-a.open[0].number]
}

// decide settles a frame: it is committed, or was refused. A step 2 contains all that its client had sent before; with it
// those earlier frames are settled that were held for too long. flushAck tells it.
func (s *session) decide(f frame) {
	a := &s.acks
	if o := a.find(f.number); o != nil {
		o.decided = true
	}
	if f.kind == frameStep2 && a.dropped > 0 {
		for i := range a.open {
			if o := &a.open[i]; o.dropped && o.number < f.number {
				o.dropped, o.decided = false, true
				a.dropped--
			}
		}
	}
	n := 0
	for ; n < len(a.open) && a.open[n].decided; n++ {
		o := &a.open[n]
		a.decided = o.number
		if o.step2 {
			a.synced = true
			if o.refused {
				a.lost += a.due
			} else {
				a.saved += a.due + a.refused
				a.refused = 0
			}
			a.due = 0
		}
		switch {
		case o.silent:
		case o.refused:
			a.lost++
		default:
			a.saved++
		}
	}
	if a.open = a.open[n:]; len(a.open) == 0 {
		a.open = nil
	}
}

// flushAck tells the client which of its frames were decided since it was last told, if it wants to know.
func (s *session) flushAck() {
	a := &s.acks
	if a.saved+a.lost == 0 && a.decided == a.told || !a.statuses && !a.counts || !s.out.free(s, backlogBytes) {
		return // or when its reader has taken what waits for it
	}
	switch {
	case a.statuses && a.synced:
		for ; a.saved > 0; a.saved-- {
			s.put(statusSaved)
		}
		for ; a.lost > 0; a.lost-- {
			a.refused++
			s.put(statusRefused)
		}
	case a.counts && a.decided > a.told:
		a.told = a.decided
		s.put(ackMessage(a.decided))
	}
}

// refuse settles a frame as refused and tells the client why.
func (s *session) refuse(f frame, code int, reason string) {
	a := &s.acks
	switch {
	case f.number == 0: // the remainder of a step 2 whose refusal was told already
	case a.statuses:
		a.refuse(f)
	case a.counts:
		s.put(refusedMessage(f.number, code, reason))
		if f.kind == frameStep2 {
			// What was waiting for this step 2 to bring it is refused with it.
			for _, o := range a.open {
				if o.dropped && o.number < f.number {
					s.put(refusedMessage(o.number, code, reason))
				}
			}
		}
	default:
		s.put(PermissionDenied(reason))
	}
	s.decide(f)
	s.flushAck()
}

// refuse marks a frame, and what was waiting for it to be brought by it.
func (a *acks) refuse(f frame) {
	if o := a.find(f.number); o != nil {
		o.refused = true
	}
	if f.kind == frameStep2 {
		for i := range a.open {
			if o := &a.open[i]; o.dropped && o.number < f.number {
				o.refused = true
			}
		}
	}
}

// drop gives up holding a frame: the next step 2 of its client settles it.
func (s *session) drop(f frame) {
	if o := s.acks.find(f.number); o != nil && !o.dropped {
		o.dropped = true
		s.acks.dropped++
	}
}
