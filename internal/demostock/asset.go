package demostock

import (
	"fmt"
	"strings"

	"phaseout/internal/civil"
	"phaseout/internal/registry"
)

// headings are those of the lists that offices keep.
var headings = map[registry.Class][]string{
	registry.Truck: {"号牌号码", "号牌种类", "车辆识别代号", "发动机号", "车辆类型", "品牌型号", "使用性质", "燃料种类", "排放标准", "排放阶段依据", "总质量", "初次登记日期", "出厂日期", "强制报废期止", "机动车状态",
		"机动车所有人", "身份证明号码", "联系电话", "县区"},
	registry.Machinery:     {"机械类型", "出厂编号", "环保号码", "发动机编号", "机械型号", "额定功率", "燃料类型", "排放阶段", "出厂日期", "机械所有人", "统一社会信用代码/身份证号", "联系电话", "县区"},
	registry.FarmMachinery: {"农机类型", "机身编号", "农机号牌", "发动机号", "品牌型号", "额定功率", "燃料类型", "排放阶段", "出厂日期", "注册登记日期", "机主", "身份证号", "联系电话", "县区"},
	registry.Vessel:        {"船名", "船舶识别号", "船舶类型", "总吨", "主机功率", "燃料类型", "建造完工日期", "船籍港", "年燃油消耗量", "船舶所有人", "证件号", "联系电话", "县区"},
}

func (m *maker) asset(class registry.Class, city registry.Region, o *owners) Asset {
	switch class {
	case registry.Truck:
		return m.truck(city, o)
	case registry.Machinery:
		return m.machine(city, o)
	case registry.FarmMachinery:
		return m.farmMachine(city, o)
	default:
		return m.vessel(city, o)
	}
}

// name is an option as the office writes it.
func (m *maker) name(class registry.Class, field, code string) string {
	return m.names[string(class)+field+code]
}

// some returns a text, or nothing in so many of a thousand cases: no list is whole.
func (m *maker) some(perMille int, text string) string {
	if m.seldom(perMille) {
		return ""
	}
	return text
}

var (
	truckTypes   = []string{"heavy_semi_tractor", "heavy_plain", "heavy_van", "heavy_dump", "heavy_stake", "heavy_tank", "heavy_special_purpose", "medium_plain", "medium_van", "medium_dump", "light_plain", "light_van", "light_stake"}
	truckWeights = []int{15, 10, 7, 12, 8, 1, 2, 9, 5, 3, 16, 9, 3}
	truckModels  = map[string][]string{
		"heavy":  {"东风牌DFL4251A", "解放牌CA4258P2K2T1", "陕汽牌SX4255NT324", "欧曼牌BJ3258DLPKB", "豪泺牌ZZ3257N3847", "东风牌DFL1253AX"},
		"medium": {"东风牌EQ1120GLJ", "解放牌CA1121J", "江淮牌HFC1131KR1T", "福田牌BJ1121VHPFG"},
		"light":  {"福田牌BJ1043V8JEA", "江铃牌JX1041TG23", "东风牌EQ1040TZ20D3", "庆铃牌QL1060A1HAY"},
	}
	masses = map[string][2]int{"heavy": {15_000, 34_000}, "medium": {6_000, 5_900}, "light": {2_200, 2_200}}
	years  = []string{"2006", "2007", "2008", "2009", "2010", "2011", "2012", "2013"}
)

// truck returns a truck of China III or older: the most were registered from
// 2009 to 2012. China III holds from 2008-07-01.
func (m *maker) truck(city registry.Region, o *owners) Asset {
	const class = registry.Truck
	n, k := m.next(), o.nextPlate()
	category := m.pick(truckTypes, truckWeights)
	group, _, _ := strings.Cut(category, "_")
	year := civil.Day(m.pick(years, []int{3, 5, 9, 17, 23, 20, 14, 9}) + "-01-01")
	registered := year.AddDays(m.IntN(365))
	stage := "china3"
	if registered < "2008-07-01" {
		stage = m.of("china2", "china2", "china2", "china1")
	}
	basis := m.pick([]string{"record", "label", "query", "date"}, []int{70, 16, 12, 2})
	if m.seldom(6) {
		stage, basis = "unknown", "record"
	}
	due := registered.AddYears(15)
	status := "正常"
	if due < "2022-06-01" {
		status = m.of("正常", "逾期未检验")
	}
	firms := map[string]int{"heavy": 68, "medium": 45, "light": 30}[group]
	who, district := m.owner(o, class, firms)
	use := m.pick([]string{"freight", "non_operating", "engineering", "converted_to_private"}, []int{70 + firms/4, 32 - firms/4, 2, 2})
	return Asset{dueOn: due, Cells: []string{plate(city.PlatePrefix, k), "大型汽车", vin("DEGH"[m.IntN(4)], registered.Year(), n), m.some(12, fmt.Sprintf("YC6%c%07d", "AJGL"[n%4], n)), m.name(class, "category", category),
		m.some(8, m.of(truckModels[group]...)), m.name(class, "use", use), "柴油", m.name(class, "stage", stage), m.name(class, "stage_basis", basis),
		fmt.Sprint(masses[group][0] + m.IntN(masses[group][1])/10*10), string(registered), string(registered.AddDays(-20 - m.IntN(140))), string(due), status,
		who.name, who.number, who.phone, district}}
}

// machine returns a machine of China I or older; China II holds from 2010-10-01.
func (m *maker) machine(_ registry.Region, o *owners) Asset {
	const class = registry.Machinery
	n := m.next()
	category := m.pick([]string{"excavator", "loader", "forklift", "roller", "bulldozer", "crane", "paver", "grader", "piling", "compressor"}, []int{34, 24, 16, 8, 4, 4, 2, 2, 3, 3})
	power := map[string][2]int{"excavator": {60, 150}, "loader": {80, 100}, "forklift": {30, 30}, "roller": {60, 80}}[category]
	if power[0] == 0 {
		power = [2]int{70, 120}
	}
	built := m.between("1999-01-01", "2010-09-30")
	stage := "china1"
	if built < "2007-10-01" {
		stage = "china0"
	}
	code := ""
	if !m.seldom(350) {
		code = fmt.Sprintf("%c-%s%06d", stage[5], m.of("HN", "XH", "KT", "JR"), n)
	}
	model := map[string][]string{"excavator": {"PC200-6", "SY215C", "ZX210", "EC210B"}, "loader": {"ZL50G", "LW500F", "CLG856"}, "forklift": {"CPCD30", "CPCD50"}, "roller": {"XS202", "YZ18"}}[category]
	if model == nil {
		model = []string{"TY160", "QY25", "GR180", "RP602"}
	}
	who, district := m.owner(o, class, 66)
	return Asset{dueOn: built.AddYears(17), Cells: []string{m.name(class, "category", category), fmt.Sprintf("%s%08d", m.of("XN", "HK", "JT"), n), code, m.some(40, fmt.Sprintf("6BT%08d", n)),
		m.some(10, m.of(model...)), fmt.Sprint(power[0] + m.IntN(power[1])), "柴油", m.name(class, "stage", stage), string(built), who.name, who.number, who.phone, district}}
}

// farmMachine returns a farm machine that comes to the end of its service years
// in the years of the plan.
func (m *maker) farmMachine(city registry.Region, o *owners) Asset {
	const class = registry.FarmMachinery
	n := m.next()
	category := m.pick([]string{"wheeled_large", "wheeled_small", "walking", "combine", "crawler", "transplanter", "thresher"}, []int{32, 14, 20, 22, 3, 5, 4})
	serves := map[string]int{"wheeled_large": 15, "wheeled_small": 10, "walking": 10, "combine": 12, "crawler": 12}[category]
	if serves == 0 {
		serves = 12
	}
	due := m.between("2021-06-01", "2027-12-31")
	registered := due.AddYears(-serves)
	if registered > "2015-12-31" {
		registered = registered.AddYears(-2)
		due = due.AddYears(-2)
	}
	stage := "china2"
	switch {
	case registered < "2007-10-01":
		stage = "china0"
	case registered < "2010-10-01":
		stage = "china1"
	}
	number := ""
	if !m.seldom(300) {
		number = fmt.Sprintf("湘0%c%05d", city.Code[3], (n-99_990)%100_000)
	}
	power := map[string]int{"wheeled_large": 40, "combine": 45, "crawler": 50}[category] + 12
	who, district := m.owner(o, class, 18)
	return Asset{dueOn: due, Cells: []string{m.name(class, "category", category), fmt.Sprintf("%s%08d", m.of("NT", "FK", "RH"), n), number, m.some(60, fmt.Sprintf("4L%08d", n)),
		m.some(15, m.of("东方红-LX954", "雷沃M904", "常发CF504", "沃得4LZ-4.0", "久保田PRO588")), fmt.Sprint(power + m.IntN(25)), "柴油", m.name(class, "stage", stage),
		string(registered.AddDays(-15 - m.IntN(60))), string(registered), who.name, who.number, who.phone, district}}
}

// vessel returns a vessel that is 25 years old in the years of the plan.
func (m *maker) vessel(city registry.Region, o *owners) Asset {
	const class = registry.Vessel
	n := m.next()
	short := strings.TrimSuffix(city.Name, "市")
	category := m.pick([]string{"bulk", "sand", "general", "multipurpose", "container", "passenger", "tanker"}, []int{36, 24, 20, 6, 4, 6, 4})
	built := m.between("1982-01-01", "1999-12-31")
	tonnage := 90 + m.IntN(1500)
	who, district := m.owner(o, class, 42)
	return Asset{dueOn: built.AddYears(29), Cells: []string{fmt.Sprintf("湘%s%s%05d", short, map[string]string{"passenger": "客", "tanker": "油"}[category]+"航", n%100_000), fmt.Sprintf("CN%d8%06d", built.Year(), n),
		m.name(class, "category", category), fmt.Sprint(tonnage), fmt.Sprint(50 + tonnage/4 + m.IntN(60)), "柴油", string(built), short, m.some(400, fmt.Sprint(8+tonnage/14+m.IntN(20))),
		who.name, who.number, who.phone, district}}
}
