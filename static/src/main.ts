import { createApp } from 'vue'
import App from './App.vue'
import { i18n, loadTexts } from './i18n'
import { router } from './router'
import './theme.css'

void loadTexts().then(() => createApp(App).use(i18n).use(router).mount('#app'))
