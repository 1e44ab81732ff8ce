package signal

// Pictures groups contents of photos that show the same picture, as they are or
// altered. A group goes by the content that was added first, so that its name
// stays when more join it.
type Pictures struct {
	parent map[string]string
	order  map[string]int
}

// NewPictures returns an empty grouping.
func NewPictures() *Pictures {
	return &Pictures{parent: map[string]string{}, order: map[string]int{}}
}

// Add makes a content known; the oldest is to come first.
func (p *Pictures) Add(content string) {
	if _, known := p.parent[content]; !known {
		p.order[content], p.parent[content] = len(p.order), content
	}
}

// Join says that two contents show the same picture.
func (p *Pictures) Join(a, b string) {
	p.Add(a)
	p.Add(b)
	first, second := p.Of(a), p.Of(b)
	if p.order[second] < p.order[first] {
		first, second = second, first
	}
	p.parent[second] = first
}

// Of returns the content by which the picture of a content goes.
func (p *Pictures) Of(content string) string {
	root := content
	for p.parent[root] != root && p.parent[root] != "" {
		root = p.parent[root]
	}
	for p.parent[content] != root && p.parent[content] != "" {
		content, p.parent[content] = p.parent[content], root
	}
	return root
}
