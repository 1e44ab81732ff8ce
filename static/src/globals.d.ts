// Element Plus's calls that the build imports where they are used.
import type { ElMessage as Message, ElMessageBox as Box } from 'element-plus'

declare global {
  const ElMessage: typeof Message
  const ElMessageBox: typeof Box
}
export {}
