package registry

import "phaseout/internal/bilingual"

// The courses on which assets leave service. Where a yard takes the asset in,
// everything waits for the hand-over; the register may be changed before the
// dismantling or after it (报废机动车回收管理办法, 国务院令第715号). A vessel's
// ownership is cancelled on the completion certificate, so after it
// (老旧运输船舶管理规定).
var (
	throughYard   = []Step{{"received", nil}, {"dismantled", []string{"received"}}, {"deregistered", []string{"received"}}}
	throughSlip   = []Step{{"received", nil}, {"dismantled", []string{"received"}}, {"deregistered", []string{"received", "dismantled"}}}
	onSite        = []Step{{"dismantled", nil}, {"deregistered", []string{"dismantled"}}}
	inTheRegister = []Step{{"deregistered", nil}}
)

// Evidence that more than one way out wants. What counts is the definition in
// force; here is only what each way is.
var (
	photo       = after("photo", "拆解后照片（解体残骸）", "Photo of the remains", true)
	certificate = paper("certificate", "回收（拆解）证明扫描件", "Scan of the certificate", false)
	deregProof  = paper("deregistration", "注销（变更）证明", "Proof of the change in the register", false)
	recycler    = Evidence{Code: "recycler", Name: bilingual.T("回收拆解企业", "Recycler"), Kind: "field", Required: true, Before: "dismantled"}
	changedOn   = Evidence{Code: "deregistered_on", Name: bilingual.T("注销（变更）日期", "Day of the change in the register"), Kind: "field", Required: true}
	engineNo    = Evidence{Code: "engine_no", Name: bilingual.T("新发动机编号", "Number of the new engine"), Kind: "field", Required: true}
	engineStage = Evidence{Code: "engine_stage", Name: bilingual.T("新发动机排放阶段", "Emission stage of the new engine"), Kind: "field", Required: true}
	donePhoto   = after("photo", "改造后照片", "Photo of the finished work", true)
	otherDereg  = WayOut{Code: "other", Name: bilingual.T("其他注销（灭失、出境等）", "Deregistered for other reasons"), CountsAs: "other", Steps: inTheRegister, Evidence: []Evidence{changedOn, deregProof}}
	movedOut    = WayOut{Code: "moved_out", Name: bilingual.T("转出省外", "Moved out of the province"), CountsAs: "moved", Steps: inTheRegister,
		Evidence: []Evidence{changedOn, deregProof, paper("transfer_proof", "转入地登记凭证", "Registration at the new place", false)}}
	plateVoid = WayOut{Code: "declared_void", Name: bilingual.T("公告牌证作废", "Plate declared void"), CountsAs: "other", Steps: inTheRegister,
		Evidence: []Evidence{{Code: "deregistered_on", Name: bilingual.T("公告作废日期", "Day of the declaration"), Kind: "field", Required: true},
			paper("void_notice", "作废公告", "The declaration", false)}}
	newEnergy = WayOut{Code: "new_energy", Name: bilingual.T("更换为新能源动力", "Power unit replaced by new energy"), CountsAs: "converted", Steps: inTheRegister,
		Evidence: []Evidence{changedOn, before("photo_engine", "原发动机铭牌", "Nameplate of the old engine", ""), donePhoto,
			paper("engine_certificate", "新动力系统合格证", "Certificate of the new power unit", true), deregProof}}
)

// before is a photo that can only be taken while the asset is whole.
func before(code, zh, en, step string) Evidence {
	return Evidence{Code: code, Name: bilingual.T(zh, en), Kind: "file", Before: step, Phase: "before"}
}

func during(zh, en string) Evidence {
	return Evidence{Code: "photo_during", Name: bilingual.T(zh, en), Kind: "file", Phase: "during"}
}

func after(code, zh, en string, required bool) Evidence {
	return Evidence{Code: code, Name: bilingual.T(zh, en), Kind: "file", Required: required, Phase: "after"}
}

func paper(code, zh, en string, required bool) Evidence {
	return Evidence{Code: code, Name: bilingual.T(zh, en), Kind: "file", Required: required}
}

// scrapped is the way through a yard, with the photos that the class wants
// before the dismantling and what else proves it.
func scrapped(certificateName bilingual.Text, steps []Step, more ...Evidence) WayOut {
	evidence := []Evidence{{Code: "certificate_no", Name: certificateName, Kind: "field", Required: true, Before: "dismantled"}, recycler, changedOn}
	evidence = append(evidence, more...)
	return WayOut{Code: "scrapped", Name: bilingual.T("报废拆解", "Scrapped"), CountsAs: "retired", Steps: steps, Evidence: append(evidence, photo, certificate, deregProof)}
}

var (
	truckWays = []WayOut{scrapped(bilingual.T("报废机动车回收证明编号", "Certificate number"), throughYard,
		before("photo_front", "左前方 45°（含号牌）", "Front left with plate", "dismantled"), before("photo_rear", "右后方 45°", "Rear right", "dismantled"),
		before("photo_nameplate", "车辆识别代号或铭牌", "VIN or nameplate", "dismantled"), before("photo_engine", "发动机及编号", "Engine with its number", "dismantled"),
		during("拆解过程（五大总成切割）", "Dismantling under way")), movedOut, plateVoid, otherDereg}

	machineryWays = []WayOut{scrapped(bilingual.T("回收拆解证明编号", "Recycling certificate number"), throughYard,
		before("photo_front", "整机左前方（含环保号码）", "Front left with environmental code", "dismantled"), before("photo_nameplate", "机械铭牌", "Nameplate", "dismantled"),
		before("photo_engine", "发动机铭牌", "Nameplate of the engine", "dismantled"), during("拆解过程", "Dismantling under way")),
		{Code: "re_engined", Name: bilingual.T("更换国四及以上发动机", "Re-engined to China IV or later"), CountsAs: "converted", Steps: inTheRegister, MinStage: "china4",
			Evidence: []Evidence{changedOn, engineNo, engineStage, before("photo_engine", "原发动机铭牌", "Nameplate of the old engine", ""),
				after("photo_new_engine", "新发动机铭牌", "Nameplate of the new engine", true), donePhoto, paper("engine_certificate", "新发动机合格证或环保信息公开凭证", "Certificate of the new engine", false), deregProof}},
		{Code: "retrofitted", Name: bilingual.T("加装污染控制装置", "Emission control retrofitted"), CountsAs: "converted", Steps: inTheRegister,
			Evidence: []Evidence{changedOn, donePhoto, paper("device_certificate", "装置产品合格证", "Certificate of the device", false), paper("installation", "安装单", "Installation record", false),
				paper("test_report", "改造后排放检测报告", "Emission test after the work", true), deregProof}},
		newEnergy, movedOut, otherDereg}

	farmWays = []WayOut{scrapped(bilingual.T("报废农业机械回收确认表编号", "Recovery confirmation number"), throughYard,
		before("photo_front", "整机（含机身编号）", "Whole machine with its number", "dismantled"), before("photo_engine", "发动机铭牌", "Nameplate of the engine", "dismantled"),
		during("拆解过程", "Dismantling under way")),
		{Code: "destroyed_on_site", Name: bilingual.T("就地销毁", "Destroyed on site"), CountsAs: "retired", Steps: onSite,
			Evidence: []Evidence{changedOn, before("photo_front", "销毁前整机（含机身编号）", "Whole machine before, with its number", "dismantled"), during("销毁过程", "Destruction under way"),
				photo, paper("witness", "现场见证记录", "Record of the witnesses", true), deregProof}},
		newEnergy, movedOut, otherDereg}

	vesselWays = []WayOut{scrapped(bilingual.T("拆解完工证明编号", "Completion certificate of the yard"), throughSlip,
		before("photo_front", "船艏（含船名）", "Bow with name", "dismantled"), before("photo_nameplate", "主机铭牌", "Nameplate of the main engine", "dismantled"),
		during("拆解过程", "Dismantling under way"),
		Evidence{Code: "completion_certificate", Name: bilingual.T("拆解完工证明", "Completion certificate"), Kind: "file", Required: true, Before: "deregistered"},
		paper("ownership_cancelled", "船舶所有权注销登记证明书", "Cancellation of ownership", true)), movedOut, otherDereg}
)

// PhaseOf returns whether a kind of file shows the asset before, during or after
// its dismantling, "" if the way out does not say.
func (w WayOut) PhaseOf(kind string) string {
	for _, e := range w.Evidence {
		if e.Code == kind {
			return e.Phase
		}
	}
	return ""
}

// EvidenceFileKinds returns the kinds of file that the evidence lists of all
// classes name, each once.
func EvidenceFileKinds() []string {
	var kinds []string
	seen := map[string]bool{}
	for _, ways := range [][]WayOut{truckWays, machineryWays, farmWays, vesselWays} {
		for _, w := range ways {
			for _, e := range w.Evidence {
				if e.Kind == "file" && !seen[e.Code] {
					seen[e.Code] = true
					kinds = append(kinds, e.Code)
				}
			}
		}
	}
	return kinds
}
