import { createRouter, createWebHashHistory } from 'vue-router'
import { useSession } from './composables/session'

const pages: [path: string, name: string, page: () => Promise<unknown>, operation?: string][] = [
  ['/', 'home', () => import('./pages/Home.vue')],
  ['/assets', 'assets', () => import('./pages/AssetList.vue'), 'list-assets'],
  ['/assets/new', 'asset-new', () => import('./pages/AssetNew.vue'), 'create-asset'],
  ['/labels', 'labels', () => import('./pages/LabelPrint.vue'), 'list-labels'],
  ['/assets/:id', 'asset', () => import('./pages/AssetDetail.vue'), 'get-asset'],
  ['/owners', 'owners', () => import('./pages/OwnerList.vue'), 'list-owners'],
  ['/owners/:id', 'owner', () => import('./pages/OwnerDetail.vue'), 'get-owner'],
  ['/retire', 'retire', () => import('./pages/RetirementDesk.vue'), 'create-retirement'],
  ['/retire/list', 'retire-list', () => import('./pages/RetirementPaste.vue'), 'paste-retirements'],
  ['/review', 'review', () => import('./pages/ReviewQueue.vue'), 'verify-retirement'],
  ['/overdue', 'overdue', () => import('./pages/OverdueList.vue'), 'list-overdue-retirements'],
  ['/retirement-requests', 'retirement-requests', () => import('./pages/RetirementRequests.vue'), 'list-retirement-requests'],
  ['/retirements', 'retirements', () => import('./pages/RetirementList.vue'), 'list-retirements'],
  ['/retirements/:id', 'retirement', () => import('./pages/RetirementDetail.vue'), 'get-retirement'],
  ['/duplicates', 'duplicates', () => import('./pages/DuplicateList.vue'), 'list-duplicates'],
  ['/yards', 'yards', () => import('./pages/YardList.vue'), 'list-yards'],
  ['/yards/:id', 'yard', () => import('./pages/YardDetail.vue'), 'get-yard'],
  ['/intake', 'intake', () => import('./pages/IntakePage.vue'), 'list-intake'],
  ['/draws', 'draws', () => import('./pages/DrawDesk.vue'), 'list-draws'],
  ['/inspections', 'inspections', () => import('./pages/InspectionList.vue'), 'list-inspection-lines'],
  ['/inspections/:id', 'inspection', () => import('./pages/InspectionPhone.vue'), 'get-inspection-line'],
  ['/server-keys', 'server-keys', () => import('./pages/ServerKeys.vue'), 'list-server-keys'],
  ['/cases', 'cases', () => import('./pages/CaseList.vue'), 'list-cases'],
  ['/cases/:id', 'case', () => import('./pages/CaseDetail.vue'), 'get-case'],
  ['/transfers', 'transfers', () => import('./pages/TransferList.vue'), 'list-transfers'],
  ['/imports', 'imports', () => import('./pages/ImportList.vue'), 'list-imports'],
  ['/imports/:id', 'import', () => import('./pages/ImportDetail.vue'), 'get-import'],
  ['/applications', 'applications', () => import('./pages/ApplicationList.vue'), 'list-applications'],
  ['/applications/:id', 'application', () => import('./pages/ApplicationDetail.vue'), 'get-application'],
  ['/applications/:id/print', 'application-print', () => import('./pages/ApplicationPrint.vue'), 'get-application'],
  ['/finance', 'finance', () => import('./pages/FinanceHome.vue'), 'get-finance-home'],
  ['/benefits', 'benefits', () => import('./pages/BenefitList.vue'), 'list-benefits'],
  ['/signals', 'signals', () => import('./pages/SignalList.vue'), 'list-signals'],
  ['/flows', 'flows', () => import('./pages/ProgramFlow.vue'), 'get-program-flow'],
  ['/calendar', 'calendar', () => import('./pages/WorkCalendar.vue'), 'get-calendar'],
  ['/notices', 'notices', () => import('./pages/NoticeList.vue'), 'list-notices'],
  ['/notices/:id', 'notice', () => import('./pages/NoticeDetail.vue'), 'get-notice'],
  ['/batches', 'batches', () => import('./pages/BatchList.vue'), 'list-batches'],
  ['/batches/:id', 'batch', () => import('./pages/BatchDetail.vue'), 'get-batch'],
  ['/batches/:id/sheet', 'approval-sheet', () => import('./pages/ApprovalSheet.vue'), 'get-batch'],
  ['/bank-desk', 'bank-desk', () => import('./pages/BankDesk.vue'), 'list-unmatched'],
  ['/funds', 'funds', () => import('./pages/FundsPage.vue'), 'get-funds'],
  ['/recoveries', 'recoveries', () => import('./pages/RecoveryList.vue'), 'list-recoveries'],
  ['/year-closing', 'year-closing', () => import('./pages/YearClosing.vue'), 'get-funding-year'],
  ['/bank-layouts', 'bank-layouts', () => import('./pages/BankLayouts.vue'), 'list-bank-layouts'],
  ['/programs', 'programs', () => import('./pages/ProgramList.vue'), 'list-programs'],
  ['/programs/new', 'program-new', () => import('./pages/ProgramEditor.vue'), 'create-program'],
  ['/programs/:id/edit', 'program-edit', () => import('./pages/ProgramEditor.vue'), 'update-program'],
  ['/programs/:id', 'program', () => import('./pages/ProgramDetail.vue'), 'get-program'],
  ['/subsidy-costs', 'subsidy-costs', () => import('./pages/CostTable.vue'), 'list-subsidy-costs'],
  ['/progress', 'progress', () => import('./pages/ProgressPage.vue'), 'get-progress'],
  ['/progress/:code', 'city', () => import('./pages/CityPage.vue'), 'get-progress'],
  ['/progress/rows', 'figure-rows', () => import('./pages/FigureRows.vue'), 'list-progress-rows'],
  ['/emission', 'emission', () => import('./pages/EmissionPage.vue'), 'list-emission-rows'],
  ['/factors', 'factors', () => import('./pages/FactorSets.vue'), 'list-factor-sets'],
  ['/balance', 'balance', () => import('./pages/BalancePage.vue'), 'get-balance'],
  ['/gap', 'gap', () => import('./pages/GapPage.vue'), 'get-progress-gap'],
  ['/changes', 'changes', () => import('./pages/ChangesPage.vue'), 'get-progress-changes'],
  ['/targets', 'targets', () => import('./pages/TargetList.vue'), 'list-targets'],
  ['/cohort', 'cohort', () => import('./pages/CohortRules.vue'), 'list-cohort-rules'],
  ['/quality', 'quality', () => import('./pages/QualityPage.vue'), 'list-quality-issues'],
  ['/comparisons', 'comparisons', () => import('./pages/ComparisonList.vue'), 'list-comparisons'],
  ['/comparisons/:id', 'comparison', () => import('./pages/ComparisonDetail.vue'), 'get-comparison'],
  ['/users', 'users', () => import('./pages/UserList.vue'), 'list-users'],
  ['/system', 'system', () => import('./pages/SystemState.vue'), 'get-system-state'],
  ['/audit', 'audit', () => import('./pages/AuditLog.vue'), 'list-audit'],
]

export const router = createRouter({
  history: createWebHashHistory(),
  /** Another page starts at its top; back is where one was; a filter moves nothing. */
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: '/login', name: 'login', component: () => import('./pages/Login.vue') },
    { path: '/public/notices', name: 'public-notices', component: () => import('./pages/PublicNotices.vue') },
    { path: '/public/notices/:id', name: 'public-notice', component: () => import('./pages/PublicNotices.vue') },
    { path: '/c/:number?', name: 'public-certificate', component: () => import('./pages/PublicCertificate.vue') },
    { path: '/s/:code', name: 'public-label', component: () => import('./pages/PublicLabel.vue') },
    {
      path: '/',
      component: () => import('./components/AppFrame.vue'),
      children: [
        ...pages.map(([path, name, component, operation]) => ({ path, name, component, meta: { operation } })),
        { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/Lost.vue') },
      ],
    },
  ],
})

router.beforeEach(async (to) => {
  const { me, may, restore } = useSession()
  if (to.name === 'login') return true
  await restore().catch(() => undefined)
  if (String(to.name).startsWith('public-')) return true
  if (to.name === 'public-label' || to.name === 'public-certificate') return true
  if (!me.value) return { name: 'login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  const operation = to.meta.operation as string | undefined
  if (operation && !may(operation)) return { name: 'lost', params: { rest: ['forbidden'] } }
  return true
})
