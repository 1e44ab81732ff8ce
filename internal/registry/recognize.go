package registry

// Recognize reads what it can of a row that need not be whole, such as one of
// an outside list, and returns the numbers by which the asset may be known. A
// plate without its kind is tried with every kind.
func (ref *Reference) Recognize(class Class, in Input) (Asset, []Identifier) {
	a, _ := ref.Check(class, in)
	var keys []Identifier
	for _, i := range profiles[class].identifiers(a.Fields) {
		if !i.Unique || i.Value == "" {
			continue
		}
		keys = append(keys, i)
		if i.Kind != "plate" || a.Fields["plate_kind"] != "" {
			continue
		}
		for _, kind := range ref.options[string(class)+"/plate_kind"] {
			if other := i; kind.Code != "01" {
				other.Norm = i.Value + "/" + kind.Code
				keys = append(keys, other)
			}
		}
	}
	return a, keys
}
