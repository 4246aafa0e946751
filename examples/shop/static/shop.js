// The shop's own script: the sign-up form, the friend's code, and the question about cookies.
const form = document.querySelector('#signup')
if (form) reftrail.attach(form)

const welcome = () => {
  const invited = document.querySelector('#invited')
  const attribution = reftrail.getAttribution()
  if (!invited || !attribution) return
  invited.querySelector('output').textContent = attribution.code
  invited.hidden = false
}

const answered = (answer) => {
  reftrail.consent(answer == 'yes')
  welcome()
}

if ('asksConsent' in document.body.dataset) {
  const answer = localStorage.getItem('consent')
  const question = document.querySelector('#consent')
  if (answer) answered(answer)
  else question.hidden = false
  question.addEventListener('click', ({ target }) => {
    if (!target.value) return
    if (target.value == 'yes') localStorage.setItem('consent', 'yes')
    question.hidden = true
    answered(target.value)
  })
} else welcome()
