package broker

// Limits bound what clients can make a broker hold. A zero field has its default.
type Limits struct {
	// Subscriptions of one session. Default 10,000.
	Subscriptions int
	// Retained events of the realm, and their bytes; the oldest goes first. Default 10,000
	// and 64 MiB.
	Retained      int
	RetainedBytes int
	// RetainedReply is how many retained events a subscription to a pattern gets, the newest.
	// Default 1000.
	RetainedReply int
	// HistoryBytes are shared evenly by the topics that keep history. Default 64 MiB.
	HistoryBytes int
	// HistoryReply is how many events one look at the history gives, and HistoryReplyBytes
	// how many bytes. Default 1000 and 4 MiB.
	HistoryReply      int
	HistoryReplyBytes int
	// Testaments of one session, and their bytes. Default 100 and 1 MiB.
	Testaments     int
	TestamentBytes int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		limit    *int
		standard int
	}{
		{&l.Subscriptions, 10_000},
		{&l.Retained, 10_000},
		{&l.RetainedBytes, 64 << 20},
		{&l.RetainedReply, 1000},
		{&l.HistoryBytes, 64 << 20},
		{&l.HistoryReply, 1000},
		{&l.HistoryReplyBytes, 4 << 20},
		{&l.Testaments, 100},
		{&l.TestamentBytes, 1 << 20},
	} {
		if *f.limit <= 0 {
			*f.limit = f.standard
		}
	}
	return l
}
