package wamp

// field names one positional element of a message, and so the place in Message it goes to.
type field uint8

const (
	fieldOf field = iota + 1
	fieldRequest
	fieldOptionalRequest // 0 is allowed: the router revokes without having been asked
	fieldID
	fieldPublication
	fieldText
	fieldURI
	fieldDict
)

var fieldNames = [...]string{
	fieldOf: "the type of the failed request", fieldRequest: "the request id",
	fieldOptionalRequest: "the request id", fieldID: "the id", fieldPublication: "the publication id",
	fieldText: "the string", fieldURI: "the URI", fieldDict: "the dictionary",
}

// layout is the order of a message's elements after its type.
type layout struct {
	fields  []field
	payload bool // Arguments and ArgumentsKw may follow
	dict    bool // one dictionary may follow
}

// layouts follows the message definitions of the WAMP basic profile; one entry a type, nil
// fields for numbers that are no message.
var layouts = [...]layout{
	Hello:        {fields: []field{fieldURI, fieldDict}},
	Welcome:      {fields: []field{fieldID, fieldDict}},
	Abort:        {fields: []field{fieldDict, fieldURI}},
	Challenge:    {fields: []field{fieldText, fieldDict}},
	Authenticate: {fields: []field{fieldText, fieldDict}},
	Goodbye:      {fields: []field{fieldDict, fieldURI}},
	Error:        {fields: []field{fieldOf, fieldRequest, fieldDict, fieldURI}, payload: true},
	Publish:      {fields: []field{fieldRequest, fieldDict, fieldURI}, payload: true},
	Published:    {fields: []field{fieldRequest, fieldID}},
	Subscribe:    {fields: []field{fieldRequest, fieldDict, fieldURI}},
	Subscribed:   {fields: []field{fieldRequest, fieldID}},
	Unsubscribe:  {fields: []field{fieldRequest, fieldID}},
	Unsubscribed: {fields: []field{fieldOptionalRequest}, dict: true},
	Event:        {fields: []field{fieldID, fieldPublication, fieldDict}, payload: true},
	Call:         {fields: []field{fieldRequest, fieldDict, fieldURI}, payload: true},
	Cancel:       {fields: []field{fieldRequest, fieldDict}},
	Result:       {fields: []field{fieldRequest, fieldDict}, payload: true},
	Register:     {fields: []field{fieldRequest, fieldDict, fieldURI}},
	Registered:   {fields: []field{fieldRequest, fieldID}},
	Unregister:   {fields: []field{fieldRequest, fieldID}},
	Unregistered: {fields: []field{fieldOptionalRequest}, dict: true},
	Invocation:   {fields: []field{fieldRequest, fieldID, fieldDict}, payload: true},
	Interrupt:    {fields: []field{fieldRequest, fieldDict}},
	Yield:        {fields: []field{fieldRequest, fieldDict}, payload: true},
}

// layoutOf returns the layout of a message type, or nil when the number is no message.
func layoutOf(t uint64) *layout {
	if t < uint64(len(layouts)) && layouts[t].fields != nil {
		return &layouts[t]
	}
	return nil
}
