package crdt

// wait is a client that can't go on before another one has clock need.
type wait[C any] struct {
	need   uint32
	client C
}

// pushWait and popWait keep a binary heap, the lowest need on top.
func pushWait[C any](h []wait[C], w wait[C]) []wait[C] {
	h = append(h, w)
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up].need <= h[i].need {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
	return h
}

func popWait[C any](h []wait[C]) []wait[C] {
	n := len(h) - 1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		least := i
		for _, down := range [2]int{2*i + 1, 2*i + 2} {
			if down < n && h[down].need < h[least].need {
				least = down
			}
		}
		if least == i {
			return h
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
