package demostock

import (
	"fmt"
	"strings"

	"phaseout/internal/registry"
)

// owner is a person or an organisation of a city.
type owner struct{ name, number, phone, district string }

// owners are those of a city: organisations with fleets, the first ones with the
// largest, and persons, who have one or two.
type owners struct {
	firms, coops, persons []owner
	districts             []string
	given                 int // persons who have something
	trucks                int // with a plate
}

// nextPlate counts the plates of the city.
func (o *owners) nextPlate() int {
	o.trucks++
	return o.trucks - 1
}

var (
	stems    = []rune("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥")
	surnames = []rune("李王张刘陈杨黄周吴赵胡罗谭彭曾肖邓唐何谢蒋欧龙易贺廖段戴尹向")
)

func (m *maker) owners(city registry.Region, counts [4]int) *owners {
	o := &owners{}
	for i, d := range m.reference.Districts(city.Code) {
		for range max(1, 6-i%6) { // some districts are larger than others
			o.districts = append(o.districts, d.Name)
		}
	}
	short := strings.TrimSuffix(city.Name, "市")
	firm := func(i int, trades ...string) owner {
		stem := string(stems[i%len(stems)]) + string(stems[(i/len(stems)+7*i)%len(stems)])
		m.people++
		return owner{short + []string{"示例", "样本", "演示", "模拟", "范例"}[i%5] + stem + trades[i%len(trades)], creditCode(m.people), m.phone(), m.of(o.districts...)}
	}
	for i := range 3 + counts[0]/14 + counts[1]/12 {
		o.firms = append(o.firms, firm(i, "运输有限公司", "物流有限公司", "汽车运输有限公司", "工程机械租赁有限公司", "商贸有限公司", "建设工程有限公司", "渣土运输有限公司"))
	}
	for i := range 2 + counts[2]/30 {
		o.coops = append(o.coops, firm(i, "农机专业合作社", "种植专业合作社"))
	}
	for range 1 + counts[0]/2 + counts[1]/3 + counts[2] + counts[3] {
		m.people++
		name := string(surnames[m.IntN(len(surnames))]) + m.of("示", "样", "例", "演", "模") + string(stems[m.IntN(len(stems))])
		o.persons = append(o.persons, owner{name, residentNumber(m.people), m.phone(), m.of(o.districts...)})
	}
	return o
}

func (m *maker) phone() string { return fmt.Sprintf("199000%05d", m.IntN(100_000)) }

// owner returns who has an asset; firms says in how many of a hundred cases it
// is an organisation. A fleet lies in one district, but for some.
func (m *maker) owner(o *owners, class registry.Class, firms int) (who owner, district string) {
	switch {
	case m.IntN(100) < firms && class == registry.FarmMachinery:
		who = o.coops[m.IntN(len(o.coops))]
	case m.IntN(100) < firms:
		at := m.Float64()
		who = o.firms[int(at*at*float64(len(o.firms)))]
	case o.given < len(o.persons) && !m.seldom(120):
		who = o.persons[o.given]
		o.given++
	default:
		who = o.persons[m.IntN(len(o.persons))]
	}
	district = who.district
	if m.seldom(60) {
		district = m.of(o.districts...)
	}
	if m.seldom(15) {
		who.phone = ""
	}
	if m.seldom(6) {
		who.number = ""
	}
	return who, district
}
