package registry

import "regexp"

// guess reads a heading by the words in it, where no wording is known as a
// whole. No office's list of wordings is ever complete; the words in them are.
type guess struct {
	key   string
	words *regexp.Regexp
	but   *regexp.Regexp // words with which it means something else
}

func guessing(key, words, but string) guess {
	g := guess{key: key, words: regexp.MustCompile(words)}
	if but != "" {
		g.but = regexp.MustCompile(but)
	}
	return g
}

// Who owns the asset, how to reach them and where it is: alike for every
// class. The order matters: the owner's number and telephone come before the
// owner.
var guessesOfAll = []guess{
	guessing("stage_basis_on", `^(排放|阶段|环保).*(查询|认定|核查|核验)(日期|时间)$`, ""),
	guessing("stage_basis", `(排放|阶段).*(依据|来源|判定)`, "日期|时间"),
	guessing("owner_id", `身份证|身份证明|证件号|证件编号|证件代码|信用代码|机构代码|^(所有人|车主|机主|船东|船主)证件$`, "类型|名称|种类|有效|地址|影像|经办|代理"),
	guessing("owner_phone", `电话|手机|联系方式|联系号码|联系人号码`, "经办|代理|填报|回收|维修"),
	guessing("district", `县区|区县|县市区|市县区|县[/、(（]?区|区[/、(（]?县|县\(市|行政区|所在(区域|辖区|地区)|所属(区域|辖区|地区)|^所在地$|属地|归属地|车籍地?$|管辖(地|区)|^辖区`, "地址|住址|代码证|港"),
	guessing("owner_name", `(所有人|所有者|所有权人|车主|机主|船东|船主|产权人|产权单位|权属人|权属单位|业主|户主|户名|购机者|所属(单位|企业|公司)|产权所有人)`, "地址|住址|类型|类别|性质|证|电话|手机|日期|属性|签字|银行|账|开户|编号|代码"),
	guessing("fuel", `燃料|燃油|油品|能源(种类|类型|类别)?$|^动力(种类|类型|类别|形式)?$`, "消耗|耗|量|费|系统|箱|喷射|标准"),
	guessing("stage", `排放(标准|阶段|等级|级别|水平|限值)|国标|环保(阶段|等级|标准)|^排放$`, "依据|来源|日期|时间|量|检|控制|治理|达标|改造"),
}

// guessesOf are those that a class has of its own, which are tried first.
var guessesOf = map[Class][]guess{
	Truck: {
		guessing("plate_kind", `(号牌|车牌|牌照)(的)?(种类|类型|类别|颜色)`, ""),
		guessing("plate", `(号牌|车牌|牌照|机动车牌|车辆牌|车)(号码|号)$|号牌号|车牌号|牌照号|^(车辆)?(牌照|车牌|号牌)$|^(车号牌|机动车牌)`, "环保|种类|类型|颜色|发动机|原|旧|新|挂|识别|架"),
		guessing("vin", `车辆识别|车架号|识别代号|^VIN|VIN(号|码|编码|号码)?$`, "发动机|照片|拓印"),
		guessing("engine_no", `(发动机|引擎|柴油机).{0,4}(号|号码|编号|编码)$`, "型号|照片"),
		guessing("category", `(机动车|车辆|货车|车型|车)(类型|种类|类别|型式|分类)`, "燃料|号牌|使用|管理|排放"),
		guessing("model", `(品牌|厂牌|车辆|车|产品|公告)型号$|^型号$`, "发动机"),
		guessing("use", `使用性质|营运(性质|类型|情况)|运营性质|经营性质|车辆(性质|用途)|^用途$|是否(营运|运营)`, "证|年限|日期"),
		guessing("scrap_due_on", `强制报废(期|日|时|截)|报废(期止|截止|到期)|应报废(日|时)`, "年限|证明|编号|办理|实际"),
		guessing("gross_mass_kg", `总质量|总重`, "准牵引|牵引总|挂车|整备"),
		guessing("registered_on", `(初次|首次|初始)(登记|注册|上牌)|(注册|登记|上牌|上户|入户|落户|初登)(登记|注册)?(日期|时间|年月日|日)$|^注册登记`, "证书|编号|机关|注销|变更|转移|转入|抵押|报废|转出|备案|淘汰"),
		guessing("built_on", `(出厂|生产|制造)(日期|时间|年月日?|日)`, "发动机"),
		guessing("police_status", `(机动车|车辆|公安|目前|当前|车管)(登记)?状态`, "营运|淘汰|报废"),
	},
	Machinery: {
		guessing("serial", `出厂编号|出厂号|机身(编)?号|PIN|产品识别|整机编号|序列号|机架号|车架号|铭牌编?号$|识别(码|代码|号)$|(机械|设备|整机|产品|机器|车身|机体)(编号|编码)$|标识码`, "发动机|柴油机|环保|电机|信用"),
		guessing("env_code", `环保(登记|备案|信息|标)?(号|码|编|牌|标|代码)`, "日期|时间|照片|类型|颜色|阶段|等级|标准"),
		guessing("engine_model", `(发动机|柴油机)(规格)?型号`, ""),
		guessing("engine_no", `(发动机|引擎|柴油机).{0,4}(号|号码|编号|编码)$`, "型号|照片"),
		guessing("category", `(机械|设备|机具|产品|工程机械|非道路移动机械)(类型|名称|种类|类别|分类|品种)`, "燃料|使用|型号|生产"),
		guessing("model", `(规格|品牌|厂牌|机械|设备|产品|整机)型号$|^(型号|厂牌|品牌)$|型号规格$`, "发动机|柴油机"),
		guessing("power_kw", `功率|马力|^动力\(`, "功率段|因子|类型|种类"),
		guessing("built_on", `(出厂|生产|制造)(日期|时间|年月日?|日)`, "发动机|柴油机"),
	},
	FarmMachinery: {
		guessing("serial", `机身.*号|底盘.*号|机架.*号|车架号|(出厂|整机|机具|农机|产品)编号|序列号|机体号`, "发动机|柴油机|挂车"),
		guessing("farm_plate", `(号牌|牌照|车牌|牌证|农机牌|拖拉机牌)(号码|号)?$`, "种类|类型|颜色|原|挂"),
		guessing("engine_no", `(发动机|柴油机).{0,4}(号|号码|编号|编码)$`, "型号"),
		guessing("category", `(农机|机具|机械|拖拉机|农业机械|农机具)(类型|名称|种类|类别|品目|分类)`, "燃料|使用|型号|生产"),
		guessing("model", `(规格|品牌|厂牌|机具|农机|产品|机械|整机)型号$|^(型号|厂牌|品牌)$|型号规格$`, "发动机|柴油机"),
		guessing("power_kw", `功率|马力|^动力\(`, "功率段|因子|类型|种类"),
		guessing("registered_on", `(初次|首次|初始)(登记|注册|上牌)|(注册|登记|上牌|上户|入户|落户|初登)(登记|注册)?(日期|时间|年月日|日)$`, "证书|编号|机关|注销|变更|转移|转入|抵押|报废|备案"),
		guessing("built_on", `(出厂|生产|制造)(日期|时间|年月日?|日)`, "发动机|柴油机"),
	},
	Vessel: {
		guessing("survey_no", `船检(登记)?(号|编号)|检验登记号`, ""),
		guessing("ship_id", `识别(号|码|代码|编号)|^CN(号|编号|码)`, "MMSI|IMO|AIS"),
		guessing("ship_name", `船名|船舶名称|中文名称`, "曾用|英文|原|类型|种类"),
		guessing("category", `船(舶)?(类型|种类|类别|型|种|分类)(名称)?$`, "材质|燃料"),
		guessing("gross_tonnage", `总吨`, "载重|净吨"),
		guessing("power_kw", `功率|马力`, "辅机|发电"),
		guessing("built_on", `(建造|建成|造船|完工|竣工)(完工|竣工|完成)?(日期|时间|年月日?|日)`, "改建|重大|龙骨"),
		guessing("home_port", `船籍港|登记港`, ""),
	},
}

// guessField returns the field that the words of a folded heading speak of.
func guessField(class Class, folded string) (key string, found bool) {
	for _, list := range [][]guess{guessesOf[class], guessesOfAll} {
		for _, g := range list {
			if g.words.MatchString(folded) && (g.but == nil || !g.but.MatchString(folded)) {
				if _, has := fieldOf(class, g.key); has {
					return g.key, true
				}
			}
		}
	}
	return "", false
}

func fieldOf(class Class, key string) (FieldSpec, bool) {
	for _, f := range profiles[class].Fields {
		if f.Key == key {
			return f, true
		}
	}
	return FieldSpec{}, false
}
